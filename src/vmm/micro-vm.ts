import { kvmRequests, kvmSregs } from "../core/kvm/abi.js";
import { encodeGeneralRegisters, writeSpecialRegisters } from "../core/kvm/registers.js";
import { type Logger, silentLogger } from "../core/log.js";
import type { Sys } from "../core/sys/sys.js";
import type { BootFile } from "./boot/kernel/kernel-image.js";
import { describeMachine } from "./boot/machine-description.js";
import { type PlacedBoot, placeBoot } from "./boot/place-boot.js";
import { vmmErrors } from "./errors.js";
import { cpuidOf, supportedCpuid } from "./kvm/cpuid.js";
import { KvmMachine } from "./kvm/kvm-machine.js";
import { resetVcpu } from "./kvm/vcpu-state.js";
import { layout, mostSlots, virtioSlot } from "./machine/layout.js";
import { createGuestRam, type GuestRam } from "./memory/guest-ram.js";
import { DeviceHost } from "./threads/device-host.js";
import type { DeviceSpec } from "./threads/device-spec.js";
import { Vcpu } from "./threads/vcpu.js";

/** What a machine is made of. */
export interface MicroVmSpec {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly kernel: BootFile;
  readonly initrd?: BootFile;
  readonly commandLine: string;
  /** How the kernel finds its devices; by ACPI unless told. */
  readonly discovery?: "acpi" | "command-line";
  readonly devices?: readonly DeviceSpec[];
  /** What the guest writes to its console, in pieces. */
  readonly onConsole?: (bytes: Uint8Array) => void;
  readonly log?: Logger;
  /** `/dev/kvm` unless told. */
  readonly kvm?: string;
}

/** How a machine ended. */
export type MicroVmEnd =
  /** By `stop`. */
  | { readonly kind: "stopped" }
  /** The guest turned it off, reset it, or died of a triple fault. */
  | { readonly kind: "powered off" | "reset" | "shut down" }
  | { readonly kind: "failed"; readonly why: string };

const mib = 2 ** 20;

/**
 * A virtual machine in this process: KVM runs its processors, each on a thread of its own, one more thread serves its
 * devices. `start` once, `exited` tells of the end, `stop` ends it; whoever made it calls `stop` in any case, which gives
 * everything back.
 */
export class MicroVm {
  readonly exited: Promise<MicroVmEnd>;
  readonly #sys: Sys;
  readonly #spec: MicroVmSpec;
  readonly #ram: GuestRam;
  readonly #kvm: KvmMachine;
  readonly #wake: number;
  readonly #vcpus: Vcpu[] = [];
  readonly #interrupts = new SharedArrayBuffer(mostSlots * Int32Array.BYTES_PER_ELEMENT);
  #settle: (end: MicroVmEnd) => void = () => undefined;
  #devices: DeviceHost | undefined;
  #stopped: Promise<void> | undefined;

  constructor(sys: Sys, spec: MicroVmSpec) {
    this.#sys = sys;
    this.#spec = spec;
    this.exited = new Promise((resolve) => (this.#settle = resolve));
    this.#kvm = new KvmMachine(sys, spec.kvm);
    try {
      this.#ram = createGuestRam(sys, spec.memoryMiB * mib);
    } catch (error) {
      this.#kvm.close();
      throw error;
    }
    this.#wake = sys.descriptors.eventfd();
    for (const [slot, region] of this.#ram.regions.entries()) this.#kvm.addMemory(slot, region);
  }

  /** Kernel ids of the vCPUs' threads, in order. */
  get threads(): readonly number[] {
    return this.#vcpus.map(({ thread }) => thread);
  }

  /** Loads the kernel, starts the devices, and lets the guest run. After an error the machine is to be stopped. */
  async start(): Promise<void> {
    const boot = this.#placeBoot();
    this.#makeVcpus(boot);
    this.#devices = await this.#startDevices();
    for (const vcpu of this.#vcpus) {
      vcpu.start();
      void this.#outlive(vcpu);
    }
  }

  /** Keeps the guest from running until `resume`. */
  async pause(): Promise<void> {
    await Promise.all(this.#vcpus.map((vcpu) => vcpu.pause()));
  }

  resume(): void {
    for (const vcpu of this.#vcpus) vcpu.resume();
  }

  /** Input of the guest's console. */
  input(bytes: Uint8Array): void {
    this.#devices?.input(bytes);
  }

  /** Ends the machine at once, as pulling its plug would, and gives back all it has. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#settle({ kind: "stopped" });
    const errors: unknown[] = [];
    const gather = (error: unknown) => void errors.push(error);
    // Devices must be served until no vCPU waits for one.
    await Promise.all(this.#vcpus.map((vcpu) => vcpu.stop().catch(gather)));
    await this.#devices?.close().catch(gather);
    this.#sys.descriptors.close(this.#wake);
    this.#kvm.close();
    this.#ram.close();
    if (errors.length > 0) throw new AggregateError(errors, "stopping the machine");
  }

  async #outlive(vcpu: Vcpu): Promise<void> {
    const end = await vcpu.ended;
    if (end.kind === "failed") this.#settle({ kind: "failed", why: `vCPU ${vcpu.id}: ${end.why}` });
    else if (end.kind === "shutdown") this.#settle({ kind: "shut down" });
  }

  #placeBoot(): PlacedBoot {
    const { kernel, initrd, commandLine, discovery, vcpus, devices = [] } = this.#spec;
    const processors = Array.from({ length: vcpus }, (_, id) => ({ id, enabled: true }));
    const virtio = devices.map((_, slot) => {
      const place = virtioSlot(slot);
      if (place === undefined) throw vmmErrors.KATA_VMM_SLOTS({ slots: mostSlots, devices: devices.length });
      return { ...place, size: layout.virtioStride };
    });
    const machine = describeMachine({ processors, virtio });
    return placeBoot(this.#ram.memory, { kernel, initrd, commandLine, discovery, machine });
  }

  #makeVcpus(boot: PlacedBoot): void {
    const { vcpus: count } = this.#spec;
    const { devices } = this.#sys;
    const supported = supportedCpuid(devices, this.#kvm.device);
    for (let id = 0; id < count; id++) {
      const fd = this.#kvm.createVcpu(id);
      const stateSize = this.#kvm.vcpuMemorySize();
      this.#vcpus.push(new Vcpu({ sys: this.#sys, id, fd, stateSize, wake: this.#wake, interrupts: this.#interrupts }));
      devices.ioctl(fd, kvmRequests.setCpuid2, cpuidOf(supported, id, count));
      resetVcpu(devices, fd);
      // The others wait for the first to start them.
      if (id === 0) startAt(devices, fd, boot);
    }
  }

  #startDevices(): Promise<DeviceHost> {
    const { devices = [], onConsole, log = silentLogger } = this.#spec;
    const data = {
      memory: this.#ram.regions,
      calls: this.#vcpus.map(({ call }) => call),
      wake: this.#wake,
      interrupts: this.#interrupts,
      machine: this.#kvm.fd,
      devices: devices.map((spec, slot) => ({ slot, spec })),
    };
    return DeviceHost.start(data, {
      log,
      console: (bytes) => onConsole?.(bytes),
      power: (request) => this.#settle({ kind: request === "reset" ? "reset" : "powered off" }),
      failed: ({ message }) => this.#settle({ kind: "failed", why: message }),
    });
  }
}

/** Sets the registers that a vCPU begins with. */
function startAt(devices: Sys["devices"], vcpu: number, { sregs, regs }: PlacedBoot): void {
  const special = new Uint8Array(kvmSregs.size);
  devices.ioctl(vcpu, kvmRequests.getSregs, special);
  writeSpecialRegisters(special, sregs);
  devices.ioctl(vcpu, kvmRequests.setSregs, special);
  devices.ioctl(vcpu, kvmRequests.setRegs, encodeGeneralRegisters(regs));
}
