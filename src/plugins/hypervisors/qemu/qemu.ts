import { randomUUID } from "node:crypto";
import { formatOrigin } from "../../../core/config/source.js";
import type { AttachedDevice, Device } from "../../../core/contracts/device.js";
import type { GuestAddress } from "../../../core/contracts/guest-address.js";
import type { Hypervisor, HypervisorCapabilities, VmExit, VmSpec } from "../../../core/contracts/hypervisor.js";
import { describeError, messageOf } from "../../../core/errors/error.js";
import { hypervisorErrors } from "../../../core/hypervisor/errors.js";
import type { HypervisorOptions } from "../../../core/hypervisor/hypervisor-options.js";
import { probeKvm } from "../../../core/kvm/probe.js";
import type { Logger } from "../../../core/log.js";
import { Child, forcedKill, gentleKill, type KillStep } from "../../../core/process/child.js";
import type { ProcessNote } from "../../../core/sandbox/record.js";
import { type Accelerator, chooseAccelerator } from "./accelerator.js";
import { type MachineType, machineTypes, type VirtioBus } from "./bus.js";
import { type Channel, openChannel } from "./channel.js";
import { QemuCommand } from "./command.js";
import { GuestConsole } from "../../../core/hypervisor/guest-console.js";
import { DeviceSet, type HotDevice, isHotpluggable, refusal } from "./device-set.js";
import { mostQueuePairs } from "./network-card.js";
import { plugIn, pullOut } from "./hotplug.js";
import { qemuErrors } from "./errors.js";
import { guestFiles } from "../../../core/hypervisor/guest-files.js";
import { kernelCommandLine } from "../../../core/hypervisor/kernel-command-line.js";
import { clockParameters } from "./clock-parameters.js";
import { busOf, type FixedSlots, type MachineSockets, writeMachine } from "./machine-command.js";
import { findQemu } from "./program.js";
import { pinTime } from "./pinned-memory.js";
import { greetingDeadline, QmpClient } from "./qmp/client.js";
import { vcpuThreads } from "./qmp/queries.js";
import type { QmpEvent } from "./qmp/messages.js";
import { MachineSocketFiles } from "./sockets.js";

/** What a machine is made with. */
export interface QemuOptions extends HypervisorOptions {
  /** The device of vsock; another one for a test. */
  readonly vsockDevice?: string;
}

type State = "not started" | "starting" | "running" | "ending" | "gone";

/** How long QEMU may take to end by itself after it was told to. */
const quitMs = 5000;

/** How long the end of the guest's console may take to arrive after QEMU's end, which is told with it. */
const lastWordsMs = 500;

/** By how much waits for an emulated guest are stretched: well above what its boot takes here, since a busy host adds to it. */
const emulationSlowdown = 10;

/** A machine of `qemu-system-x86_64`: one process, told what to do over its monitor. */
export class QemuHypervisor implements Hypervisor {
  readonly name = "qemu";
  readonly guestAddress: GuestAddress;
  readonly exited: Promise<VmExit>;
  readonly #options: QemuOptions;
  readonly #log: Logger;
  readonly #machineType: MachineType;
  readonly #bus: VirtioBus;
  readonly #command = new QemuCommand();
  readonly #slots: FixedSlots;
  readonly #devices: DeviceSet;
  readonly #channel: Channel;
  readonly #sockets: MachineSocketFiles;
  readonly #console: GuestConsole;
  #settleExit: (exit: VmExit) => void = () => undefined;
  #state: State = "not started";
  #program = "";
  #kernel = "";
  #memoryMiB = 0;
  #accelerator: Accelerator | undefined;
  #child: Child | undefined;
  #monitor: QmpClient | undefined;
  #ending: Promise<void> | undefined;
  /** Programs beside QEMU can read and write the guest's memory; known after `start`. */
  #sharesMemory = false;
  /** Its end was asked for while it ran. */
  #wanted = false;

  constructor(options: QemuOptions) {
    const { settings, sandbox, sys, log } = options;
    this.#options = options;
    this.#log = log;
    this.#machineType = machineTypes.find((type) => type === settings.machine_type) ?? "q35";
    this.#bus = busOf(this.#machineType, settings.default_bridges);
    this.#slots = {
      image: this.#bus.coldSlot(),
      channel: this.#bus.coldSlot(),
      entropy: this.#bus.coldSlot(),
      ...(settings.reclaim_guest_freed_memory && { balloon: this.#bus.coldSlot() }),
      ...(settings.block_device_driver === "virtio-scsi" && { scsi: this.#bus.coldSlot() }),
    };
    this.#devices = new DeviceSet(this.#bus, settings, 1, (fd) => this.#command.inherit(fd));
    this.#sockets = new MachineSocketFiles(sys, sandbox.runDirectory);
    this.#console = new GuestConsole(log);
    this.exited = new Promise((resolve) => {
      this.#settleExit = resolve;
    });
    this.#channel = openChannel(sys, {
      runDirectory: sandbox.runDirectory,
      debugConsole: options.config.agent.debug_console_enabled,
      ...(options.vsockDevice !== undefined && { device: options.vsockDevice }),
    });
    this.guestAddress = this.#channel.address;
  }

  get pid(): number {
    if (this.#child === undefined) throw this.#stateError("tell its pid");
    return this.#child.pid;
  }

  get slowdown(): number {
    return this.#accelerator?.kind === "kvm" ? 1 : emulationSlowdown;
  }

  consoleTail(): readonly string[] {
    return [...this.#console.tail(), ...(this.#child?.tail(20) ?? [])];
  }

  async start(spec: VmSpec, signal: AbortSignal): Promise<void> {
    if (this.#state !== "not started") throw this.#stateError("start");
    this.#state = "starting";
    const abort = () => void this.#end(forcedKill).catch((error: unknown) => this.#warn("ending QEMU", error));
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await this.#launch(spec, signal);
      this.#state = "running";
    } catch (error) {
      const failure = signal.aborted ? signal.reason : await this.#explain(error);
      await this.#end(forcedKill);
      throw failure;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async stop(): Promise<void> {
    await this.#end(gentleKill);
  }

  async destroy(reason: unknown): Promise<void> {
    if (this.#state === "running") this.#log.info("the machine is ended by force", { reason: describeError(reason) });
    await this.#end(forcedKill);
  }

  async addDevice(device: Device): Promise<AttachedDevice> {
    if (this.#state === "not started") return this.#devices.addCold(device);
    const monitor = this.#running(`take the device "${device.id}"`);
    this.#assertHotpluggable(device);
    const attached = this.#devices.addHot(device);
    try {
      const options = { by: this.#accelerator?.kind ?? "tcg", extraMs: pinTime(device.kind, this.#memoryMiB) } as const;
      await plugIn(monitor, this.#devices.get(device.id).plan, options);
      return attached;
    } catch (error) {
      this.#devices.remove(device.id);
      throw refusal(device, messageOf(error), error);
    }
  }

  async removeDevice(id: string): Promise<void> {
    const { device, plan } = this.#devices.get(id);
    if (this.#state !== "not started") {
      const monitor = this.#running(`remove the device "${id}"`);
      if (!isHotpluggable(device)) throw refusal(device, "it cannot be removed while the machine runs");
      await pullOut(monitor, plan, id, this.slowdown);
    }
    this.#devices.remove(id);
  }

  #assertHotpluggable(device: Device): asserts device is HotDevice {
    if (!isHotpluggable(device)) throw refusal(device, "this kind must be there before the machine starts");
    if (device.kind === "net" || device.kind === "vfio") return;
    if (device.kind === "vhost-user-net") return this.#assertSharedMemory(device);
    const drivers = this.capability("block-hotplug")?.drivers ?? [];
    if (drivers.includes(device.driver)) return;
    throw refusal(device, `a running machine of this configuration takes ${drivers.join(" and ") || "no disks"}`);
  }

  /** Whoever serves a device reads and writes the guest's memory, which is shared from the start or never. */
  #assertSharedMemory(device: Device): void {
    if (this.#sharesMemory) return;
    const why =
      "the memory of this machine was not shared when it started; it is with shared_fs or with such a card then";
    throw refusal(device, why);
  }

  capability<K extends keyof HypervisorCapabilities>(name: K): HypervisorCapabilities[K] | undefined {
    const pci = this.#machineType === "q35" && this.#options.settings.default_bridges > 0;
    const drivers = [...(pci ? ["virtio-blk-pci"] : []), ...(this.#slots.scsi === undefined ? [] : ["virtio-scsi"])];
    const all: Partial<HypervisorCapabilities> = {
      pause: {
        pause: async () => void (await this.#running("pause").execute("stop")),
        resume: async () => void (await this.#running("resume").execute("cont")),
      },
      "vcpu-threads": { threads: () => vcpuThreads(this.#running("tell its threads")) },
      "fs-sharing": { hotplug: false },
      ...(drivers.length > 0 && { "block-hotplug": { drivers } }),
      ...(pci && { "net-hotplug": { queuePairs: mostQueuePairs } }),
    };
    return all[name];
  }

  async #launch(spec: VmSpec, signal: AbortSignal): Promise<void> {
    const { settings, config, sandbox, roots, sys } = this.#options;
    const where = (key: string) => formatOrigin(config.hypervisorOrigin(key));
    const program = findQemu(settings.path, where("path"));
    const guest = guestFiles(settings, { hypervisor: this.name, cache: roots.guestCache, where });
    const probe = this.#options.probe ?? (() => probeKvm({ cacheFile: `${roots.run}/kvm.json`, log: this.#log }));
    const accelerator = await chooseAccelerator(settings.machine_accelerators, where("machine_accelerators"), probe);
    this.#assertStarting(signal);
    [this.#program, this.#kernel, this.#accelerator] = [program, guest.kernel, accelerator];
    this.#memoryMiB = spec.memoryMiB;
    this.#log.info(accelerator.kind === "kvm" ? "the machine runs on KVM" : "the machine is emulated, which is slow", {
      reason: accelerator.reason,
      channel: this.guestAddress.kind,
      why: this.#channel.reason,
    });
    this.#sharesMemory = this.#devices.sharesMemory;
    writeMachine(this.#command, {
      name: `kata-${sandbox.id}`,
      uuid: randomUUID(),
      machineType: this.#machineType,
      accelerator,
      config: settings,
      spec,
      guest,
      commandLine: kernelCommandLine({
        hypervisor: this.name,
        machine: clockParameters(this.#machineType, accelerator.kind),
        debug: settings.enable_debug,
        root: guest.parameters,
        added: spec.kernelParameters,
        configured: settings.kernel_params,
      }),
      sockets: this.#listen(),
      channel: this.#channel.parts(this.#sockets),
      bus: this.#bus,
      slots: this.#slots,
      devices: this.#devices,
    });
    const namespace = spec.networkNamespace;
    await this.#spawn(program, {
      ...(spec.selinuxLabel !== undefined && { selinuxLabel: spec.selinuxLabel }),
      ...(namespace !== undefined && {
        around: <T>(act: () => T) => sys.namespaces.inNetworkNamespace(namespace, act),
      }),
    });
    await this.#converse(signal);
  }

  #listen(): MachineSockets {
    const [monitor, console] = [this.#sockets.listen("qmp"), this.#sockets.listen("console")];
    if (this.#options.settings.extra_monitor_socket === "") return { monitor, console };
    return { monitor, console, extraMonitor: this.#sockets.listen("extra") };
  }

  async #spawn(
    command: string,
    more: Pick<Parameters<typeof Child.spawn>[0], "selinuxLabel" | "around">,
  ): Promise<void> {
    const note = this.#options.sandbox.record.process("qemu");
    const child = await Child.spawn({
      name: "QEMU",
      command,
      args: this.#command.args,
      fds: this.#command.fds,
      env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", ...note.env },
      onLine: (line) => this.#log.info(line, { source: "qemu" }),
      ...more,
    }).catch((error: unknown) => {
      note.ended();
      throw error;
    });
    this.#child = child;
    void this.#outlive(child, note);
    note.started(child.pid);
    // QEMU has its own of each from here on.
    this.#sockets.release();
    this.#channel.release();
  }

  /** Waits for QEMU's end, however it comes, and tells it. */
  async #outlive(child: Child, note: ProcessNote): Promise<void> {
    const { code, signal } = await child.exited;
    this.#state = "gone";
    this.#release();
    note.ended();
    await this.#console.drain(lastWordsMs);
    this.#settleExit({ code, ...(signal !== undefined && { signal }), expected: this.#wanted });
  }

  /** Connects to a QEMU that was just spawned and has its machine begin. */
  async #converse(signal: AbortSignal): Promise<void> {
    // Before the monitor, so that no first line of the guest is lost.
    this.#console.attach(await this.#sockets.connect("console"));
    const { stream, send } = await this.#sockets.connectForDescriptors("qmp");
    const monitor = new QmpClient(stream, (event) => this.#onEvent(event), send);
    this.#monitor = monitor;
    const pinned = Math.max(0, ...this.#devices.list().map(({ device }) => pinTime(device.kind, this.#memoryMiB)));
    const version = await monitor.negotiate(greetingDeadline + pinned);
    this.#assertStarting(signal);
    await monitor.execute("cont");
    this.#log.debug("QEMU runs the machine", { pid: this.pid, version });
  }

  #onEvent({ name, data }: QmpEvent): void {
    if (name === "RESUME" || name === "STOP" || name === "SHUTDOWN") this.#log.debug("QEMU's event", { name, data });
    else if (name === "BLOCK_IO_ERROR" || name === "GUEST_PANICKED") this.#log.warn("QEMU's event", { name, data });
  }

  /** The error of a failed start: QEMU's own end and words, when it ended, say more than whatever noticed it. */
  async #explain(error: unknown): Promise<unknown> {
    const child = this.#child;
    if (child === undefined) return error;
    const exit = await child.waitFor(500);
    const lines = [...this.#console.tail(5), ...child.tail(10)];
    const what = { program: this.#program, kernel: this.#kernel, lines };
    if (exit === undefined) {
      const { sockets } = this.#devices;
      return qemuErrors.KATA_QEMU_START({ ...what, step: messageOf(error), sockets }, { cause: error });
    }
    const how = exit.signal === undefined ? `exit code ${exit.code}` : `signal ${exit.signal}`;
    return qemuErrors.KATA_QEMU_EXITED({ ...what, how }, { cause: error });
  }

  #end(steps: readonly KillStep[]): Promise<void> {
    const forced = steps === forcedKill;
    if (this.#state === "gone") return this.#ending ?? Promise.resolve();
    const before = this.#state;
    this.#state = "ending";
    this.#wanted ||= this.#child?.exit === undefined;
    // Force while good manners are under way: they end at once, together with the process they wait for.
    if (this.#ending !== undefined && forced) this.#child?.signal("SIGKILL");
    this.#ending ??= this.#finish(before === "running" && !forced, steps);
    return this.#ending;
  }

  async #finish(politely: boolean, steps: readonly KillStep[]): Promise<void> {
    const child = this.#child;
    try {
      if (child !== undefined) {
        if (politely) await this.#quit(child);
        await child.end(steps);
      }
    } finally {
      this.#release();
      if (child === undefined) this.#state = "gone";
    }
  }

  /** Asks QEMU to end: it writes out its disks. That it does not answer is no error, it is ended by signals then. */
  async #quit(child: Child): Promise<void> {
    const asked = this.#monitor?.execute("quit", undefined, quitMs).catch((error: unknown) => {
      if (child.exit === undefined) this.#log.debug("QEMU did not answer to quit", { error });
    });
    await Promise.race([asked, child.exited]);
    await child.waitFor(quitMs);
  }

  #release(): void {
    this.#monitor?.close();
    this.#channel.release();
    this.#sockets.remove();
  }

  #running(what: string): QmpClient {
    if (this.#state !== "running" || this.#monitor === undefined) throw this.#stateError(what);
    return this.#monitor;
  }

  #assertStarting(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#state !== "starting") throw this.#stateError("go on starting");
  }

  #stateError(what: string): Error {
    return hypervisorErrors.KATA_HYPERVISOR_STATE({ hypervisor: this.name, what, state: this.#state });
  }

  #warn(what: string, error: unknown): void {
    this.#log.warn(`${what} failed`, { error });
  }
}
