import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatOrigin } from "../../../core/config/source.js";
import type { AttachedDevice, Device } from "../../../core/contracts/device.js";
import type { GuestAddress } from "../../../core/contracts/guest-address.js";
import type { Hypervisor, HypervisorCapabilities, VmExit, VmSpec } from "../../../core/contracts/hypervisor.js";
import { messageOf } from "../../../core/errors/error.js";
import { hypervisorErrors } from "../../../core/hypervisor/errors.js";
import { GuestConsole } from "../../../core/hypervisor/guest-console.js";
import { type GuestFiles, guestFiles } from "../../../core/hypervisor/guest-files.js";
import type { HypervisorOptions } from "../../../core/hypervisor/hypervisor-options.js";
import { kernelCommandLine } from "../../../core/hypervisor/kernel-command-line.js";
import { probeKvm } from "../../../core/kvm/probe.js";
import { mostQueuePairs } from "../../../vmm/virtio/net/configuration.js";
import type { MicroVmEnd } from "../../../vmm/machine-spec.js";
import { MicroVm } from "../../../vmm/micro-vm.js";
import { assertSaved } from "../../../vmm/saved-machine.js";
import { BootFiles } from "./boot-files.js";
import { copyRefusal, pluggableMemory } from "./copy-refusal.js";
import { DeviceList, hypervisor } from "./devices.js";
import { diskDriver, diskQueues } from "./disk-settings.js";
import { dragonballErrors } from "./errors.js";
import { reasonOf } from "./machine-end.js";
import { identityDifference, type MachineIdentity, machineIdentity, writeIdentity } from "./machine-identity.js";

type State = "not started" | "starting" | "running" | "gone";

/** How long the guest's last words may keep its end from being told, in milliseconds. */
const lastWordsMs = 500;

/** Has the guest use memory as soon as it is plugged in, in a way that it can be plugged out again, as far as that is wise. */
const takenAtOnce = ["memhp_default_state=online", "memory_hotplug.online_policy=auto-movable"] as const;

/** The guest's vsock context: each machine has its own host, so all may have the same. */
const guestContext = 3;

/** A machine whose processors and devices are threads of this process. */
export class DragonballHypervisor implements Hypervisor {
  readonly name = hypervisor;
  readonly guestAddress: GuestAddress;
  readonly exited: Promise<VmExit>;
  readonly pid = process.pid;
  readonly inProcess = true;
  /** Guests always run by KVM here. */
  readonly slowdown = 1;
  readonly #options: HypervisorOptions;
  readonly #console: GuestConsole;
  readonly #devices: DeviceList;
  readonly #socket: string;
  #settleExit: (exit: VmExit) => void = () => undefined;
  #state: State = "not started";
  #machine: MicroVm | undefined;
  #spec: VmSpec | undefined;
  /** What the machine is, for others that go on from it. */
  #startedWith: MachineIdentity | undefined;
  /** Its end was asked for while it ran. */
  #wanted = false;
  #ended: Promise<void> | undefined;

  constructor(options: HypervisorOptions) {
    const { log, sandbox, sys, settings } = options;
    this.#options = options;
    this.#console = new GuestConsole(log);
    // The guest's image is the first disk.
    this.#devices = new DeviceList(sys, settings, 1);
    this.#socket = join(sandbox.runDirectory, "kata.hvsock");
    this.guestAddress = { kind: "hybrid-vsock", path: this.#socket };
    this.exited = new Promise((resolve) => (this.#settleExit = resolve));
  }

  consoleTail(): readonly string[] {
    return this.#console.tail();
  }

  async start(spec: VmSpec, signal: AbortSignal): Promise<void> {
    if (this.#state !== "not started") throw this.#stateError("start");
    this.#state = "starting";
    const abort = () => void this.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await this.#launch(spec, signal);
      this.#assertStarting(signal);
      this.#state = "running";
    } catch (error) {
      await this.destroy(error);
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  stop(): Promise<void> {
    return this.#end();
  }

  destroy(_reason: unknown): Promise<void> {
    return this.#end();
  }

  async addDevice(device: Device): Promise<AttachedDevice> {
    if (this.#state === "not started") return this.#devices.add(device);
    return this.#devices.plug(device, this.#running(`take the device "${device.id}"`));
  }

  async removeDevice(id: string): Promise<void> {
    if (this.#state === "not started") return this.#devices.remove(id);
    await this.#devices.unplug(id, this.#running(`remove the device "${id}"`));
  }

  capability<K extends keyof HypervisorCapabilities>(name: K): HypervisorCapabilities[K] | undefined {
    const all: Partial<HypervisorCapabilities> = {
      pause: {
        pause: async () => this.#running("pause").pause(),
        resume: async () => this.#running("resume").resume(),
      },
      "vcpu-threads": { threads: async () => this.#running("tell its threads").threads },
      ...(this.#resize && { resize: this.#resize }),
      "block-hotplug": { drivers: [diskDriver] },
      "net-hotplug": { queuePairs: mostQueuePairs },
      "fs-sharing": { hotplug: true },
      snapshot: {
        refusal: (spec) => this.#copyRefusal(spec),
        save: (directory) => this.#save(directory),
        misfit: (directory, spec) => this.#misfit(directory, spec),
      },
    };
    return all[name];
  }

  /** The most that a machine of that spec may have. */
  #most(spec: Pick<VmSpec, "vcpus" | "memoryMiB" | "fixedSize">): { vcpus: number; memoryMiB: number } {
    const { settings } = this.#options;
    const vcpus = spec.fixedSize === true ? spec.vcpus : Math.max(spec.vcpus, settings.default_maxvcpus);
    return { vcpus, memoryMiB: spec.memoryMiB + pluggableMemory(settings, spec) };
  }

  /** Undefined when the machine's size is fixed. */
  get #resize(): HypervisorCapabilities["resize"] | undefined {
    const { default_vcpus: vcpus, default_memory: memoryMiB } = this.#options.settings;
    if (this.#spec?.fixedSize === true) return undefined;
    return {
      most: this.#most(this.#spec ?? { vcpus, memoryMiB }),
      size: async () => this.#running("tell its size").size,
      vcpus: async (count) => this.#running(`have ${count} processors`).resizeVcpus(count),
      memoryMiB: (size) => this.#resizeMemory(size),
    };
  }

  async #resizeMemory(size: number): Promise<number> {
    const { memoryMiB, complete } = await this.#running("change its memory").resizeMemory(size);
    if (!complete) this.#options.log.warn("the guest has not plugged the memory it was asked to", { size, memoryMiB });
    return memoryMiB;
  }

  async #launch(spec: VmSpec, signal: AbortSignal): Promise<void> {
    const { settings, roots, sys, log } = this.#options;
    const probe = this.#options.probe ?? (() => probeKvm({ cacheFile: `${roots.run}/kvm.json`, log }));
    const verdict = await probe();
    if (!verdict.usable) throw dragonballErrors.KATA_DRAGONBALL_NO_KVM({ reason: verdict.reason });
    this.#spec = spec;
    const guest = this.#guest();
    using files = new BootFiles(sys);
    const begin = spec.from === undefined ? await this.#readGuest(files, guest, spec) : { from: spec.from };
    this.#assertStarting(signal);
    const machine = new MicroVm(sys, {
      vcpus: spec.vcpus,
      maxVcpus: this.#most(spec).vcpus,
      memoryMiB: spec.memoryMiB,
      pluggableMiB: pluggableMemory(settings, spec),
      sharedMemory: settings.shared_fs === "virtio-fs",
      ...begin,
      devices: [...this.#ownDevices(guest), ...(spec.from === undefined ? this.#devices.specs : [])],
      onConsole: (bytes) => this.#console.push(bytes),
      log,
    });
    this.#machine = machine;
    this.#startedWith = this.#identity(guest, spec);
    void machine.exited.then((end) => this.#exit(end));
    await machine.start().catch((cause: unknown) => {
      throw dragonballErrors.KATA_DRAGONBALL_START({ kernel: guest.kernel, console: this.#console.tail(5) }, { cause });
    });
    // A guest that goes on knows only the devices that it had.
    if (spec.from !== undefined) await this.#plugAll(machine, spec.from);
  }

  async #plugAll(machine: MicroVm, template: string): Promise<void> {
    try {
      await this.#devices.plugAll(machine);
    } catch (cause) {
      const console = this.#console.tail(5);
      throw dragonballErrors.KATA_DRAGONBALL_COPY({ template, why: messageOf(cause), console }, { cause });
    }
  }

  #guest(): GuestFiles {
    const { settings, config, roots } = this.#options;
    const where = (key: string) => formatOrigin(config.hypervisorOrigin(key));
    return guestFiles(settings, { hypervisor, cache: roots.guestCache, where });
  }

  async #readGuest(files: BootFiles, guest: GuestFiles, spec: VmSpec) {
    const read = (path: string) => files.read(path);
    const [kernel, initrd] = await Promise.all([
      read(guest.kernel),
      guest.initrd === undefined ? undefined : read(guest.initrd),
    ]);
    return { kernel, ...(initrd !== undefined && { initrd }), commandLine: this.#commandLine(guest, spec) };
  }

  #commandLine(guest: GuestFiles, spec: VmSpec): string {
    const { settings } = this.#options;
    return kernelCommandLine({
      hypervisor,
      debug: settings.enable_debug,
      machine: settings.enable_virtio_mem && spec.fixedSize !== true ? takenAtOnce : [],
      root: guest.parameters,
      added: spec.kernelParameters,
      configured: settings.kernel_params,
    });
  }

  #identity(files: GuestFiles, spec: VmSpec): MachineIdentity {
    const { num_queues: queues, queue_size: queueSize } = this.#options.settings;
    const maxVcpus = this.#most(spec).vcpus;
    const commandLine = this.#commandLine(files, spec);
    return machineIdentity({ ...spec, maxVcpus, commandLine, files, queues, queueSize });
  }

  async #save(directory: string): Promise<void> {
    const machine = this.#running("be saved");
    const identity = this.#startedWith;
    if (identity === undefined || this.#devices.specs.length > 0) {
      const reason = "it has devices of a pod";
      throw hypervisorErrors.KATA_HYPERVISOR_UNSUPPORTED({ hypervisor, what: "save the machine", reason });
    }
    await machine.save(directory);
    await writeIdentity(directory, identity);
  }

  #copyRefusal(spec: VmSpec): string | undefined {
    const served = this.#devices.specs.some(({ kind }) => kind === "share");
    return copyRefusal(this.#options.settings, { ...spec, served });
  }

  async #misfit(directory: string, spec: VmSpec): Promise<string | undefined> {
    const difference = identityDifference(directory, this.#identity(this.#guest(), spec));
    if (difference !== undefined) return difference;
    try {
      assertSaved(this.#options.sys, directory, spec);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** The image is the first disk, so that it is where the command line says. */
  #ownDevices({ image }: GuestFiles) {
    const { settings } = this.#options;
    const disk = { kind: "disk", id: "image", readOnly: true, ...diskQueues(settings) } as const;
    return [
      ...(image === undefined ? [] : [{ ...disk, path: image }]),
      { kind: "vsock", id: "vsock", cid: guestContext, path: this.#socket } as const,
      { kind: "entropy", id: "entropy" } as const,
      ...(settings.reclaim_guest_freed_memory ? [{ kind: "balloon", id: "balloon", reporting: true } as const] : []),
    ];
  }

  /** The machine has ended, by itself or not: it is cleaned up in any case, which brings the guest's last words. */
  async #exit(end: MicroVmEnd): Promise<void> {
    const { log } = this.#options;
    const expected = this.#wanted;
    const why = reasonOf(end);
    if (!expected) log.info("the machine has ended", { why });
    const cleaned = this.#end().catch((error: unknown) => log.warn("the machine could not be cleaned up", { error }));
    await Promise.race([cleaned, sleep(lastWordsMs, undefined, { ref: false })]);
    this.#settleExit({ code: end.kind === "failed" ? 1 : 0, ...(why !== undefined && { why }), expected });
  }

  #end(): Promise<void> {
    if (this.#state !== "gone") this.#wanted = true;
    this.#ended ??= this.#finish();
    return this.#ended;
  }

  async #finish(): Promise<void> {
    this.#state = "gone";
    const machine = this.#machine;
    if (machine !== undefined) return machine.stop();
    this.#devices.close();
    this.#settleExit({ code: 0, expected: true });
  }

  #running(what: string): MicroVm {
    if (this.#machine !== undefined && this.#state === "running") return this.#machine;
    throw this.#stateError(what);
  }

  /** Whoever started it, or ended it meanwhile, does not want it any more. */
  #assertStarting(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#state !== "starting") throw this.#stateError("go on starting");
  }

  #stateError(what: string): Error {
    return hypervisorErrors.KATA_HYPERVISOR_STATE({ hypervisor, what, state: this.#state });
  }
}
