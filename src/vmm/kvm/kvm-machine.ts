import { openSync } from "node:fs";
import { kvmRequests } from "../../core/kvm/abi.js";
import type { Sys } from "../../core/sys/sys.js";
import { layout } from "../machine/layout.js";
import { setMemorySlot } from "./memory-slot.js";
import type { MemoryRegion } from "../memory/guest-memory.js";

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
    setMemorySlot(this.#sys.devices, this.#machine, { slot, address, size, hostAddress });
  }

  /** Descriptor of the machine itself, for `KvmWires`. */
  get fd(): number {
    return this.#machine;
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
