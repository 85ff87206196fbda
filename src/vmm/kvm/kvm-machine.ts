import { openSync } from "node:fs";
import { kvmRequests } from "../../core/kvm/abi.js";
import type { Sys } from "../../core/sys/sys.js";
import { layout } from "../machine/layout.js";
import type { MemoryRegion } from "../memory/guest-memory.js";

/** Flags of `struct kvm_ioeventfd`: the access must match in length only, not in value, which are 0. */
const anyValue = 0;
/** `KVM_PIT_SPEAKER_DUMMY`: its port is KVM's too. */
const speakerPort = 1;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * A virtual machine of KVM's with its interrupt controllers and its timer in the kernel (Documentation/virt/kvm/api.rst).
 * Made and used by any thread of this process; `close` gives all back, after its vCPUs have ended.
 */
export class KvmMachine {
  readonly #sys: Pick<Sys, "devices" | "descriptors">;
  readonly #device: number;
  readonly #machine: number;

  constructor(sys: Pick<Sys, "devices" | "descriptors">, path = "/dev/kvm") {
    this.#sys = sys;
    this.#device = openSync(path, "r+");
    try {
      this.#machine = sys.devices.ioctl(this.#device, kvmRequests.createVm, 0);
    } catch (error) {
      sys.descriptors.close(this.#device);
      throw error;
    }
    try {
      sys.devices.ioctl(this.#machine, kvmRequests.setTssAddress, layout.kvmTss);
      sys.devices.ioctl(this.#machine, kvmRequests.createIrqchip, 0);
      const timer = new Uint8Array(64);
      view(timer).setUint32(0, speakerPort, true);
      sys.devices.ioctl(this.#machine, kvmRequests.createPit2, timer);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Descriptor of /dev/kvm. */
  get device(): number {
    return this.#device;
  }

  /** Gives the guest a region of memory; `slot` is a number of its own. */
  addMemory(slot: number, { address, size, hostAddress }: MemoryRegion): void {
    const region = new Uint8Array(32);
    view(region).setUint32(0, slot, true);
    view(region).setBigUint64(8, BigInt(address), true);
    view(region).setBigUint64(16, BigInt(size), true);
    view(region).setBigUint64(24, hostAddress, true);
    this.#sys.devices.ioctl(this.#machine, kvmRequests.setUserMemoryRegion, region);
  }

  /** Has an eventfd raise an interrupt line, for a moment, whenever something is added to it. */
  connectLine(line: number, eventfd: number): void {
    const request = new Uint8Array(32);
    view(request).setUint32(0, eventfd, true);
    view(request).setUint32(4, line, true);
    this.#sys.devices.ioctl(this.#machine, kvmRequests.irqFd, request);
  }

  /** Adds 1 to an eventfd whenever the guest writes four bytes of that value there, instead of an exit. */
  connectWrite(address: number, value: number, eventfd: number): void {
    const request = new Uint8Array(64);
    const matchValue = 1;
    view(request).setBigUint64(0, BigInt(value), true);
    view(request).setBigUint64(8, BigInt(address), true);
    view(request).setUint32(16, 4, true);
    view(request).setInt32(20, eventfd, true);
    view(request).setUint32(24, anyValue | matchValue, true);
    this.#sys.devices.ioctl(this.#machine, kvmRequests.ioEventFd, request);
  }

  /** Makes a vCPU; its descriptor, which is the caller's. */
  createVcpu(id: number): number {
    return this.#sys.devices.ioctl(this.#machine, kvmRequests.createVcpu, id);
  }

  /** Bytes of the memory that a vCPU shares with whoever runs it. */
  vcpuMemorySize(): number {
    return this.#sys.devices.ioctl(this.#device, kvmRequests.getVcpuMmapSize, 0);
  }

  close(): void {
    if (this.#machine !== undefined) this.#sys.descriptors.close(this.#machine);
    this.#sys.descriptors.close(this.#device);
  }
}
