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
import { AdoptedProcess } from "../../../core/process/adopted-process.js";
import { forcedKill, gentleKill, type KillStep } from "../../../core/process/child.js";
import type { HelperProcess } from "../../../core/process/helper-process.js";
import type { ProcessNote } from "../../../core/sandbox/record.js";
import { type Accelerator, chooseAccelerator } from "./accelerator.js";
import type { VirtioBus } from "./bus.js";
import { type MachineType, machineTypes } from "./machine-type.js";
import { GuestChannel } from "./channel.js";
import { QemuCommand } from "./command.js";
import { GuestConsole } from "../../../core/hypervisor/guest-console.js";
import { DeviceSet, isHotpluggable, refusal } from "./device-set.js";
import { mostQueuePairs } from "./network-card.js";
import { plugIn, pullOut, resizeDisk } from "./hotplug.js";
import { assertHotpluggable } from "./hotpluggable.js";
import { qemuErrors } from "./errors.js";
import { guestFiles } from "../../../core/hypervisor/guest-files.js";
import { kernelCommandLine } from "../../../core/hypervisor/kernel-command-line.js";
import { clockParameters } from "./clock-parameters.js";
import { busOf, type FixedSlots, writeMachine } from "./machine-command.js";
import { findQemu } from "./program.js";
import { spawnQemu } from "./spawn-qemu.js";
import { explainStart } from "./start-failure.js";
import { pinTime } from "./pinned-memory.js";
import { adoptedDeadline, askToQuit, connectMachine } from "./machine-link.js";
import { greetingDeadline, type QmpClient } from "./qmp/client.js";
import { addressOf, type MachineState, parseMachineState } from "./machine-state.js";
import { assertRuns, vcpuThreads } from "./qmp/queries.js";
import { MachineResize } from "./machine-resize.js";
import { roomParameters } from "./room.js";
import { renewSerialPorts, serialPorts } from "./serial-ports.js";
import { MachineSocketFiles } from "./sockets.js";

/** What a machine is made with. */
export interface QemuOptions extends HypervisorOptions {
  /** The device of vsock; another one for a test. */
  readonly vsockDevice?: string;
}

type State = "not started" | "starting" | "running" | "ending" | "gone";

/** How long the end of the guest's console may take to arrive after QEMU's end, which is told with it. */
const lastWordsMs = 500;

/** By how much waits for an emulated guest are stretched: well above what its boot takes here, since a busy host adds to it. */
const emulationSlowdown = 10;

/** A machine of `qemu-system-x86_64`: one process, told what to do over its monitor. */
export class QemuHypervisor implements Hypervisor {
  readonly name = "qemu";
  readonly exited: Promise<VmExit>;
  readonly #options: QemuOptions;
  readonly #log: Logger;
  readonly #machineType: MachineType;
  readonly #bus: VirtioBus;
  readonly #command = new QemuCommand();
  readonly #slots: FixedSlots;
  readonly #devices: DeviceSet;
  readonly #channel: GuestChannel;
  readonly #sockets: MachineSocketFiles;
  readonly #resize: MachineResize;
  readonly #console: GuestConsole;
  #settleExit: (exit: VmExit) => void = () => undefined;
  #state: State = "not started";
  #program = "";
  #kernel = "";
  #accelerator: Accelerator | undefined;
  #child: HelperProcess | undefined;
  /** Of a machine that was adopted. */
  #address: GuestAddress | undefined;
  #monitor: QmpClient | undefined;
  #ending: Promise<void> | undefined;
  /** Programs beside QEMU can read and write the guest's memory; known after `start`. */
  #sharesMemory = false;
  /** Its end was asked for while it ran. */
  #wanted = false;
  /** What the guest did when the machine ended, once QEMU has told. */
  #guestsPart: Pick<VmExit, "why"> = {};

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
      ...(settings.enable_virtio_mem && this.#bus.isPci && { memory: this.#bus.coldSlot() }),
    };
    const monitor = (what: string) => this.#running(what);
    this.#resize = new MachineResize({ machineType: this.#machineType, settings, log, monitor });
    this.#devices = new DeviceSet(this.#bus, settings, 1, (fd) => this.#command.inherit(fd));
    this.#sockets = new MachineSocketFiles(sys, sandbox.runDirectory);
    this.#console = new GuestConsole(log);
    this.exited = new Promise((resolve) => (this.#settleExit = resolve));
    this.#channel = new GuestChannel(sys, {
      runDirectory: sandbox.runDirectory,
      debugConsole: options.config.agent.debug_console_enabled,
      ...(options.vsockDevice !== undefined && { device: options.vsockDevice }),
    });
  }

  get guestAddress(): GuestAddress {
    return this.#address ?? this.#channel.open().address;
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
    const abort = () =>
      void this.#end(forcedKill).catch((error: unknown) => this.#log.warn("ending QEMU failed", { error }));
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
    const drivers = this.capability("block-hotplug")?.drivers ?? [];
    assertHotpluggable(device, { drivers, sharesMemory: this.#sharesMemory });
    const attached = this.#devices.addHot(device);
    try {
      const options = { by: this.#accelerator?.kind ?? "tcg", extraMs: this.#pinTime(device) } as const;
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

  #pinTime = ({ kind }: Device): number => pinTime(kind, this.#resize.memoryMiB);

  capability<K extends keyof HypervisorCapabilities>(name: K): HypervisorCapabilities[K] | undefined {
    const pci = this.#machineType === "q35" && this.#options.settings.default_bridges > 0;
    const drivers = [...(pci ? ["virtio-blk-pci"] : []), ...(this.#slots.scsi === undefined ? [] : ["virtio-scsi"])];
    const all: Partial<HypervisorCapabilities> = {
      pause: {
        pause: async () => void (await this.#running("pause").execute("stop")),
        resume: async () => void (await this.#running("resume").execute("cont")),
      },
      adopt: {
        state: () => this.#machineState(),
        adopt: (state, signal) => this.#adopt(parseMachineState(state), signal),
        release: () => this.#letGo(),
      },
      "disk-resize": {
        resize: async (id, bytes) =>
          resizeDisk(this.#running(`resize the disk "${id}"`), this.#devices.get(id).plan, bytes),
      },
      "vcpu-threads": { threads: async () => vcpuThreads(this.#running("tell its threads")) },
      "fs-sharing": { hotplug: false },
      ...(this.#resize.capability && { resize: this.#resize.capability }),
      ...(drivers.length > 0 && { "block-hotplug": { drivers } }),
      ...(pci && { "net-hotplug": { queuePairs: mostQueuePairs } }),
    };
    return all[name];
  }

  async #launch(spec: VmSpec, signal: AbortSignal): Promise<void> {
    const { settings, config, sandbox, roots } = this.#options;
    const where = (key: string) => formatOrigin(config.hypervisorOrigin(key));
    const program = findQemu(settings.path, where("path"));
    const guest = guestFiles(settings, { hypervisor: this.name, cache: roots.guestCache, where });
    const probe = this.#options.probe ?? (() => probeKvm({ cacheFile: `${roots.run}/kvm.json`, log: this.#log }));
    const accelerator = await chooseAccelerator(settings.machine_accelerators, where("machine_accelerators"), probe);
    this.#assertStarting(signal);
    [this.#program, this.#kernel, this.#accelerator] = [program, guest.kernel, accelerator];
    const channel = this.#channel.open();
    this.#log.info(accelerator.kind === "kvm" ? "the machine runs on KVM" : "the machine is emulated, which is slow", {
      reason: accelerator.reason,
      channel: channel.address.kind,
      why: channel.reason,
    });
    this.#sharesMemory = this.#devices.sharesMemory;
    const room = this.#resize.plan(spec, accelerator.kind, this.slowdown, this.#sharesMemory);
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
        machine: [...clockParameters(this.#machineType, accelerator.kind), ...roomParameters(room, spec.memoryMiB)],
        debug: settings.enable_debug,
        root: guest.parameters,
        added: spec.kernelParameters,
        configured: settings.kernel_params,
      }),
      sockets: this.#sockets.listenAll(settings.extra_monitor_socket !== ""),
      channel: channel.parts(this.#sockets),
      bus: this.#bus,
      slots: this.#slots,
      devices: this.#devices,
      room,
    });
    await this.#spawn(program, spec);
    await this.#converse(signal);
  }

  #machineState(): MachineState {
    const accelerator = this.#accelerator;
    if (accelerator === undefined) throw this.#stateError("tell its state");
    const address = this.guestAddress;
    return {
      ...(address.kind === "vsock" && { cid: address.cid }),
      sockets: this.#sockets.names,
      program: this.#program,
      kernel: this.#kernel,
      accelerator,
      ...this.#resize.started,
      sharesMemory: this.#sharesMemory,
      devices: this.#devices.state(),
    };
  }

  /** Takes over a QEMU that another process has started, who was killed. */
  async #adopt(state: MachineState, signal: AbortSignal): Promise<void> {
    if (this.#state !== "not started") throw this.#stateError("adopt a machine");
    const { sandbox, sys } = this.#options;
    const noted = sandbox.record.running("qemu");
    const child = noted && AdoptedProcess.watch(sys, "QEMU", noted.identity);
    if (noted === undefined || child === undefined) throw qemuErrors.KATA_QEMU_GONE({ sandbox: sandbox.id });
    this.#state = "starting";
    try {
      this.#channel.release();
      this.#address = addressOf(state, sandbox.runDirectory);
      this.#devices.adopt(state.devices);
      [this.#program, this.#kernel, this.#accelerator] = [state.program, state.kernel, state.accelerator];
      this.#sharesMemory = state.sharesMemory;
      this.#resize.plan(state, state.accelerator.kind, this.slowdown, state.sharesMemory);
      const { monitor } = await this.#attach(adoptedDeadline);
      this.#assertStarting(signal);
      await assertRuns(monitor);
      await renewSerialPorts(monitor, serialPorts(state.sockets));
    } catch (error) {
      this.#child = child;
      this.#letGo();
      throw qemuErrors.KATA_QEMU_ADOPT({ sandbox: sandbox.id, pid: child.pid }, { cause: error });
    }
    this.#sockets.adopt(state.sockets);
    this.#child = child;
    void this.#outlive(child, noted);
    this.#state = "running";
  }

  /** Goes without ending QEMU. */
  #letGo(): void {
    this.#state = "gone";
    this.#monitor?.close();
    if (this.#child instanceof AdoptedProcess) this.#child.release();
  }

  async #spawn(program: string, spec: VmSpec): Promise<void> {
    const { child, note } = await spawnQemu(this.#options, program, this.#command, spec);
    this.#child = child;
    void this.#outlive(child, note);
    note.started(child.pid);
    // QEMU has its own of each from here on.
    this.#sockets.release();
    this.#channel.release();
  }

  /** Waits for QEMU's end, however it comes, and tells it. */
  async #outlive(child: HelperProcess, note: Pick<ProcessNote, "ended">): Promise<void> {
    const { code, signal } = await child.exited;
    this.#state = "gone";
    this.#release();
    note.ended();
    await this.#console.drain(lastWordsMs);
    this.#settleExit({ code, ...(signal !== undefined && { signal }), ...this.#guestsPart, expected: this.#wanted });
  }

  /** Connects to a QEMU that was just spawned and has its machine begin. */
  async #converse(signal: AbortSignal): Promise<void> {
    const pinned = Math.max(0, ...this.#devices.list().map(({ device }) => this.#pinTime(device)));
    const { monitor, version } = await this.#attach(greetingDeadline + pinned);
    this.#assertStarting(signal);
    await monitor.execute("cont");
    this.#log.debug("QEMU runs the machine", { pid: this.pid, version });
  }

  async #attach(ms: number): Promise<{ monitor: QmpClient; version: string }> {
    const onEnd = (why: string) => (this.#guestsPart = { why });
    const { monitor, greeted } = await connectMachine(this.#sockets, this.#console, this.#log, { ms, onEnd });
    this.#monitor = monitor;
    return { monitor, version: await greeted };
  }

  /** The error of a failed start. */
  async #explain(error: unknown): Promise<unknown> {
    const [child, console] = [this.#child, this.#console];
    const what = { program: this.#program, kernel: this.#kernel, sockets: this.#devices.sockets };
    return child === undefined ? error : explainStart(error, { ...what, child, console });
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
        if (politely) await askToQuit(child, this.#monitor, this.#log);
        await child.end(steps);
      }
    } finally {
      this.#release();
      if (child === undefined) this.#state = "gone";
    }
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
}
