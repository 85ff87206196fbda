import { kvmRequests, kvmSregs } from "../core/kvm/abi.js";
import { encodeGeneralRegisters, writeSpecialRegisters } from "../core/kvm/registers.js";
import type { Sys } from "../core/sys/sys.js";
import { addWords } from "./boot/command-line.js";
import { describeMachine } from "./boot/machine-description.js";
import { type PlacedBoot, placeBoot } from "./boot/place-boot.js";
import { vmmErrors } from "./errors.js";
import { KvmMachine } from "./kvm/kvm-machine.js";
import { DevicePlugs, placeOf } from "./hotplug/device-plugs.js";
import type { GuestDevice } from "./hotplug/guest-side.js";
import { Processors } from "./hotplug/processors.js";
import {
  lastingParts,
  type LastingParts,
  memoryOptions,
  type MicroVmEnd,
  type MicroVmSpec,
  type RestoredVmSpec,
} from "./machine-spec.js";
import { mostSlots } from "./machine/layout.js";
import { SlotTable } from "./machine/slot-table.js";
import { createGuestRam, type GuestRam } from "./memory/guest-ram.js";
import { PluggableMemory, pluggableBlock, type ResizedMemory } from "./memory/pluggable-memory.js";
import { atExit } from "./threads/at-exit.js";
import { abandonCalls } from "./threads/bus-call.js";
import { DeviceHost } from "./threads/device-host.js";
import type { DeviceSpec } from "./threads/device-spec.js";
import { saveMachine, SavedMachine } from "./saved-machine.js";
import { snapshotErrors } from "./snapshot/errors.js";
import { closeSpec } from "./threads/spec-descriptors.js";
import type { VcpuEnd } from "./threads/vcpu-loop.js";
import { VcpuSet } from "./threads/vcpu-set.js";
import { Upcall } from "./upcall/upcall.js";

const mib = 2 ** 20;

/** Milliseconds for the guest to plug memory. */
const plugMs = 30_000;

/**
 * A virtual machine in this process: KVM runs its processors, each on a thread of its own, one more thread serves its
 * devices. `start` once, `exited` tells of the end, `stop` ends it; whoever made it calls `stop` in any case, which gives
 * everything back.
 */
export class MicroVm {
  readonly exited: Promise<MicroVmEnd>;
  readonly #sys: Sys;
  readonly #spec: LastingParts;
  /** What it begins with, until that is in its memory: nobody needs a kernel's file twice. */
  #begin: MicroVmSpec | RestoredVmSpec | undefined;
  readonly #ram: GuestRam;
  readonly #kvm: KvmMachine;
  /** What this one goes on from. */
  readonly #saved: SavedMachine | undefined;
  readonly #wake: number;
  readonly #vcpus: VcpuSet;
  readonly #slots = new SlotTable();
  readonly #interrupts = new SharedArrayBuffer(mostSlots * Int32Array.BYTES_PER_ELEMENT);
  readonly #pluggable: PluggableMemory | undefined;
  /** The devices that it is started with. */
  readonly #specs: readonly DeviceSpec[];
  #settle: (end: MicroVmEnd) => void = () => undefined;
  #devices: DeviceHost | undefined;
  #plugs: DevicePlugs | undefined;
  #upcall: Upcall | undefined;
  #processors: Processors | undefined;
  #starting: Promise<void> | undefined;
  /** A process that exits while the machine runs needs not be told to stop it first. */
  #forgetExit: (() => void) | undefined;
  /** The devices' thread has been given what they hold of the host. */
  #handed = false;
  #stopped: Promise<void> | undefined;

  /** After an error the descriptors of `spec` are still the caller's. */
  constructor(sys: Sys, spec: MicroVmSpec | RestoredVmSpec) {
    this.#sys = sys;
    this.#spec = lastingParts(spec);
    this.#begin = spec;
    this.exited = new Promise((resolve) => (this.#settle = resolve));
    this.#saved = "from" in spec ? SavedMachine.open(spec.from, spec) : undefined;
    try {
      this.#kvm = new KvmMachine(sys, spec.kvm);
    } catch (error) {
      this.#saved?.close();
      throw error;
    }
    try {
      this.#ram = this.#saved?.mapMemory(sys) ?? createGuestRam(sys, spec.memoryMiB * mib, memoryOptions(spec));
    } catch (error) {
      this.#saved?.close();
      this.#kvm.close();
      throw error;
    }
    this.#specs = [...this.#spec.devices, ...memoryDevice(this.#ram)];
    this.#pluggable = this.#memoryToPlug();
    this.#wake = sys.descriptors.eventfd();
    this.#vcpus = new VcpuSet({
      sys,
      kvm: this.#kvm,
      wake: this.#wake,
      interrupts: this.#interrupts,
      most: Math.max(spec.vcpus, spec.maxVcpus ?? 0),
      ended: (id, end) => this.#outlive(id, end),
    });
    for (const [slot, region] of this.#ram.regions.entries()) this.#kvm.addMemory(slot, region);
  }

  /** Kernel ids of the vCPUs' threads, in order. */
  get threads(): readonly number[] {
    return this.#vcpus.threads;
  }

  /** Loads what the machine begins with, starts the devices, and lets the guest run. After an error it is to be stopped. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    this.#assertNotStopped();
    const begin = this.#begin;
    this.#begin = undefined;
    const vcpus = this.#makeVcpus();
    this.#forgetExit = atExit(() => {
      this.#abandonDevices();
      this.#vcpus.quit();
    });
    // Threads begin side by side, and beside the loading of what the guest boots.
    this.#vcpus.startHeld(this.#firstVcpus);
    const starting = this.#startDevices();
    const loading = begin !== undefined && "kernel" in begin ? this.#load(begin, vcpus) : undefined;
    const [devices, loaded] = await Promise.allSettled([starting, loading]);
    if (devices.status === "rejected") throw devices.reason;
    this.#devices = devices.value;
    if (loaded.status === "rejected") throw loaded.reason;
    this.#assertNotStopped();
    this.#prepareHotplug(this.#devices);
    this.#vcpus.release();
  }

  /** Keeps the guest from running until `resume`. */
  pause(): Promise<void> {
    return this.#vcpus.pause();
  }

  resume(): void {
    this.#vcpus.resume();
  }

  /**
   * Writes a paused machine to a directory that is there, from which others go on (`RestoredVmSpec`): all that the guest has,
   * nothing of the host's. Requests under way are waited for; connections of its vsock are none in the others. The machine
   * itself may be resumed or stopped afterwards. Errors are `KATA_VMM_SNAPSHOT_…`, and leave nothing.
   */
  async save(directory: string): Promise<void> {
    const vcpus = this.#vcpus.paused;
    const host = this.#devices;
    if (host === undefined || vcpus === undefined) {
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

  /**
   * Plugs a device into the running machine, and has the guest take it. `KATA_VMM_SLOTS`, `KATA_VMM_DEVICE_EXISTS`,
   * `KATA_VMM_DEVICE`, `KATA_UPCALL_…` of a guest that refuses it or does not answer; the device is out again then. Descriptors
   * of the spec are taken in any case.
   */
  async plug(spec: DeviceSpec): Promise<GuestDevice> {
    if (this.#plugs !== undefined && this.#stopped === undefined) return this.#plugs.plug(spec);
    closeSpec(this.#sys, spec);
    throw vmmErrors.KATA_VMM_NOT_RUNNING({ what: `take the device "${spec.id}"` });
  }

  /**
   * Has the guest let go of a device, also of one that it was started with, takes it out of the running machine, and gives
   * back what it had of the host. When the guest refuses, or does not answer, that is `KATA_UPCALL_…` and the device stays; with
   * `force` it is pulled out nevertheless: its driver finds nothing there, and the slot is lost. `KATA_VMM_DEVICE_UNKNOWN`,
   * `KATA_VMM_DEVICE`, and `KATA_VMM_DEVICE_STAYS` for the vsock by which the guest is told.
   */
  async unplug(id: string, options?: { readonly force?: boolean }): Promise<void> {
    if (this.#plugs === undefined || this.#stopped !== undefined)
      throw vmmErrors.KATA_VMM_NOT_RUNNING({ what: `give back the device "${id}"` });
    if (this.#spec.devices.some((spec) => spec.kind === "vsock" && spec.id === id))
      throw vmmErrors.KATA_VMM_DEVICE_STAYS({ id, why: "the guest is told by it what is plugged" });
    return this.#plugs.unplug(id, options);
  }

  /** How large the machine is now. `KATA_VMM_NOT_RUNNING`. */
  get size(): { readonly vcpus: number; readonly memoryMiB: number } {
    if (this.#processors === undefined || this.#stopped !== undefined)
      throw vmmErrors.KATA_VMM_NOT_RUNNING({ what: "tell its size" });
    return { vcpus: this.#processors.count, memoryMiB: this.#pluggable?.memoryMiB ?? this.#spec.memoryMiB };
  }

  /** Changes the number of processors while the machine runs, up to `maxVcpus`; `Processors.resize`. */
  async resizeVcpus(count: number): Promise<number> {
    if (this.#processors === undefined || this.#stopped !== undefined)
      throw vmmErrors.KATA_VMM_NOT_RUNNING({ what: `have ${count} processors` });
    return this.#processors.resize(count);
  }

  /**
   * Has the guest plug memory in or out until there is that much of it in all, in MiB, as far as `pluggableMiB` goes and the
   * guest does it within half a minute. Answers what there is then. Memory that is plugged out is the host's again.
   */
  async resizeMemory(memoryMiB: number): Promise<ResizedMemory> {
    const all = this.#spec.memoryMiB;
    return this.#pluggable?.resize(memoryMiB) ?? { memoryMiB: all, complete: memoryMiB === all };
  }

  /**
   * Ends the machine at once, as pulling its plug would, and gives back all it has. While its devices are being made it
   * waits for that, which has deadlines of its own. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#settle({ kind: "stopped" });
    const errors: unknown[] = [];
    const gather = (error: unknown) => void errors.push(error);
    // Whoever started it hears of an error; devices that are being made hold on to what is given back below.
    await this.#starting?.catch(() => undefined);
    this.#plugs?.close();
    this.#upcall?.close();
    // No vCPU waits for a device any more, also when the thread that serves them answers to nobody.
    this.#abandonDevices();
    errors.push(...(await this.#vcpus.stop()));
    this.#forgetExit?.();
    await this.#devices?.close().catch(gather);
    if (!this.#handed) for (const device of this.#spec.devices) closeSpec(this.#sys, device);
    this.#sys.descriptors.close(this.#wake);
    this.#kvm.close();
    this.#ram.close();
    this.#saved?.close();
    if (errors.length > 0) throw new AggregateError(errors, "stopping the machine");
  }

  #assertNotStopped(): void {
    if (this.#stopped !== undefined) throw vmmErrors.KATA_VMM_STOPPED({});
  }

  #abandonDevices(): void {
    for (const call of this.#vcpus.calls) abandonCalls(call);
  }

  #outlive(id: number, end: VcpuEnd): void {
    if (end.kind === "failed") this.#settle({ kind: "failed", why: `vCPU ${id}: ${end.why}` });
    else if (end.kind === "shutdown") this.#settle({ kind: "shut down" });
  }

  get #firstVcpus(): readonly number[] {
    return Array.from({ length: this.#spec.vcpus }, (_, id) => id);
  }

  /** Makes the vCPUs; their descriptors. Those that go on do it before devices do: interrupts of theirs would be lost. */
  #makeVcpus(): readonly number[] {
    if (this.#saved === undefined) return this.#firstVcpus.map((id) => this.#vcpus.makeNew(id));
    const vcpus = this.#firstVcpus.map((id) => this.#vcpus.make(id));
    this.#saved.restore(this.#sys, this.#kvm, vcpus);
    return vcpus;
  }

  /** Loads what the guest boots, and has the first vCPU begin with it. The others wait for that one to start them. */
  async #load(begin: MicroVmSpec, vcpus: readonly number[]): Promise<void> {
    const boot = this.#placeBoot(begin);
    for (const fd of vcpus.slice(0, 1)) startAt(this.#sys.devices, fd, boot);
  }

  #memoryToPlug(): PluggableMemory | undefined {
    const { pluggable } = this.#ram;
    if (pluggable === undefined) return undefined;
    return new PluggableMemory({
      bootMiB: this.#spec.memoryMiB,
      size: pluggable.size,
      request: (bytes) => this.#devices?.requestMemory(bytes),
      ms: plugMs,
    });
  }

  #prepareHotplug(host: DeviceHost): void {
    const { devices, guestMs, vcpus: count, log } = this.#spec;
    const [sys, vcpus] = [this.#sys, this.#vcpus];
    const vsock = devices.find(({ kind }) => kind === "vsock");
    const guest = vsock?.kind === "vsock" ? new Upcall({ sys, path: vsock.path, ms: guestMs }) : undefined;
    this.#upcall = guest;
    this.#plugs = new DevicePlugs({ sys, slots: this.#slots, host, guest });
    if (guest !== undefined) this.#processors = new Processors({ vcpus, guest, count, most: vcpus.calls.length, log });
  }

  #placeBoot({ kernel, initrd, commandLine: line, discovery, vcpus }: MicroVmSpec): PlacedBoot {
    // All that may come are told of as if they were there, and the kernel is told to start no more than there are.
    const processors = this.#vcpus.calls.map((_, id) => ({ id, enabled: true }));
    const commandLine = processors.length > vcpus ? addWords(line, [`maxcpus=${vcpus}`]) : line;
    const virtio = Array.from({ length: mostSlots }, (_, slot) => placeOf(slot));
    const machine = describeMachine({ processors, virtio });
    const { regions, pluggable, memory } = this.#ram;
    const usable = regions.filter((region) => region !== pluggable);
    return placeBoot(memory, { kernel, initrd, commandLine, discovery, machine, usable });
  }

  #startDevices(): Promise<DeviceHost> {
    const { onConsole, log } = this.#spec;
    const plugged = this.#specs.map((spec) => ({ slot: this.#slots.take(spec.id), spec }));
    this.#handed = true;
    const data = {
      memory: this.#ram.regions,
      calls: this.#vcpus.calls,
      wake: this.#wake,
      interrupts: this.#interrupts,
      machine: this.#kvm.fd,
      devices: plugged,
      ...(this.#saved !== undefined && { saved: this.#saved.devices }),
    };
    return DeviceHost.start(data, {
      log,
      console: (bytes) => onConsole(bytes),
      power: (request) => this.#settle({ kind: request === "reset" ? "reset" : "powered off" }),
      memory: (plugged) => this.#pluggable?.heard(plugged),
      failed: ({ message }) => {
        this.#settle({ kind: "failed", why: `its devices: ${message}` });
        this.#abandonDevices();
      },
    });
  }
}

/** The device of memory that is plugged later, if there is any. */
function memoryDevice({ pluggable }: GuestRam): DeviceSpec[] {
  if (pluggable === undefined) return [];
  const { address, size } = pluggable;
  return [{ kind: "memory", id: "memory", address, size, blockSize: pluggableBlock }];
}

/** Sets the registers that a vCPU begins with. */
function startAt(devices: Sys["devices"], vcpu: number, { sregs, regs }: PlacedBoot): void {
  const special = new Uint8Array(kvmSregs.size);
  devices.ioctl(vcpu, kvmRequests.getSregs, special);
  writeSpecialRegisters(special, sregs);
  devices.ioctl(vcpu, kvmRequests.setSregs, special);
  devices.ioctl(vcpu, kvmRequests.setRegs, encodeGeneralRegisters(regs));
}
