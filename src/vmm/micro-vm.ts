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
import { saveMachine, SavedMachine } from "./saved-machine.js";
import { snapshotErrors } from "./snapshot/errors.js";
import { Vcpu } from "./threads/vcpu.js";

/** What each machine is made of. */
export interface MachineParts {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly devices?: readonly DeviceSpec[];
  /** What the guest writes to its console, in pieces. */
  readonly onConsole?: (bytes: Uint8Array) => void;
  readonly log?: Logger;
  /** `/dev/kvm` unless told. */
  readonly kvm?: string;
}

/** What a machine is made of that boots. */
export interface MicroVmSpec extends MachineParts {
  readonly kernel: BootFile;
  readonly initrd?: BootFile;
  readonly commandLine: string;
  /** How the kernel finds its devices; by ACPI unless told. */
  readonly discovery?: "acpi" | "command-line";
}

/**
 * What a machine is made of that goes on from one that was saved. It has as many vCPUs, as much memory and the same devices;
 * what these have of the host, such as paths and taps, may be other. Its guest knows nothing of it: give it the time and
 * random numbers of its own.
 */
export interface RestoredVmSpec extends MachineParts {
  /** Directory that `MicroVm.save` has written. */
  readonly from: string;
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
  readonly #spec: MicroVmSpec | RestoredVmSpec;
  readonly #ram: GuestRam;
  readonly #kvm: KvmMachine;
  /** What this one goes on from. */
  readonly #saved: SavedMachine | undefined;
  readonly #wake: number;
  readonly #vcpus: Vcpu[] = [];
  readonly #interrupts = new SharedArrayBuffer(mostSlots * Int32Array.BYTES_PER_ELEMENT);
  #settle: (end: MicroVmEnd) => void = () => undefined;
  #devices: DeviceHost | undefined;
  #stopped: Promise<void> | undefined;

  constructor(sys: Sys, spec: MicroVmSpec | RestoredVmSpec) {
    this.#sys = sys;
    this.#spec = spec;
    this.exited = new Promise((resolve) => (this.#settle = resolve));
    this.#saved = "from" in spec ? SavedMachine.open(spec.from, spec) : undefined;
    try {
      this.#kvm = new KvmMachine(sys, spec.kvm);
    } catch (error) {
      this.#saved?.close();
      throw error;
    }
    try {
      this.#ram = this.#saved?.mapMemory(sys) ?? createGuestRam(sys, spec.memoryMiB * mib);
    } catch (error) {
      this.#saved?.close();
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

  /** Loads what the machine begins with, starts the devices, and lets the guest run. After an error it is to be stopped. */
  async start(): Promise<void> {
    this.#prepare(this.#spec);
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

  /**
   * Writes a paused machine to a directory that is there, from which others go on (`RestoredVmSpec`): all that the guest has,
   * nothing of the host's. Requests under way are waited for; connections of its vsock are none in the others. The machine
   * itself may be resumed or stopped afterwards. Errors are `KATA_VMM_SNAPSHOT_…`, and leave nothing.
   */
  async save(directory: string): Promise<void> {
    const vcpus = this.#vcpus.flatMap(({ fd, isPaused }) => (fd !== undefined && isPaused ? [fd] : []));
    const host = this.#devices;
    if (host === undefined || vcpus.length !== this.#spec.vcpus) {
      const problem = host === undefined ? "it has not started" : "its processors run, or have ended";
      throw snapshotErrors.KATA_VMM_SNAPSHOT_RUNNING({ problem });
    }
    const devices = await host.freeze();
    try {
      await saveMachine(this.#sys, directory, { kvm: this.#kvm, vcpus, memory: this.#ram.memory, devices });
    } finally {
      host.thaw();
    }
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
    this.#saved?.close();
    if (errors.length > 0) throw new AggregateError(errors, "stopping the machine");
  }

  async #outlive(vcpu: Vcpu): Promise<void> {
    const end = await vcpu.ended;
    if (end.kind === "failed") this.#settle({ kind: "failed", why: `vCPU ${vcpu.id}: ${end.why}` });
    else if (end.kind === "shutdown") this.#settle({ kind: "shut down" });
  }

  /** Makes the vCPUs, as what the guest begins with. */
  #prepare(spec: MicroVmSpec | RestoredVmSpec): void {
    if (this.#saved !== undefined) {
      this.#saved.restore(
        this.#sys,
        this.#kvm,
        Array.from({ length: spec.vcpus }, (_, id) => this.#makeVcpu(id)),
      );
    } else if ("kernel" in spec) this.#bootVcpus(this.#placeBoot(spec));
  }

  #placeBoot({ kernel, initrd, commandLine, discovery, vcpus, devices = [] }: MicroVmSpec): PlacedBoot {
    const processors = Array.from({ length: vcpus }, (_, id) => ({ id, enabled: true }));
    const virtio = devices.map((_, slot) => {
      const place = virtioSlot(slot);
      if (place === undefined) throw vmmErrors.KATA_VMM_SLOTS({ slots: mostSlots, devices: devices.length });
      return { ...place, size: layout.virtioStride };
    });
    const machine = describeMachine({ processors, virtio });
    return placeBoot(this.#ram.memory, { kernel, initrd, commandLine, discovery, machine });
  }

  /** Its descriptor. */
  #makeVcpu(id: number): number {
    const fd = this.#kvm.createVcpu(id);
    const stateSize = this.#kvm.vcpuMemorySize();
    this.#vcpus.push(new Vcpu({ sys: this.#sys, id, fd, stateSize, wake: this.#wake, interrupts: this.#interrupts }));
    return fd;
  }

  #bootVcpus(boot: PlacedBoot): void {
    const { vcpus: count } = this.#spec;
    const { devices } = this.#sys;
    const supported = supportedCpuid(devices, this.#kvm.device);
    for (let id = 0; id < count; id++) {
      const fd = this.#makeVcpu(id);
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
      ...(this.#saved !== undefined && { saved: this.#saved.devices }),
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
