import { setImmediate, setTimeout } from "node:timers/promises";
import { describeError } from "../../../core/errors/error.js";
import type { CreateTask } from "../../../core/messages/task.js";
import type { ContainerRole } from "../../../core/sandbox/identity.js";
import { taskOutOfMemory } from "../../../core/messages/events.js";
import type { PluginContext, SandboxEnvironment } from "../../../core/plugin/context.js";
import { ContainerLimits } from "../../../core/sandbox/container-limits.js";
import { PhaseTimer, phaseDone } from "../../../core/sandbox/phases.js";
import { StateFile } from "../../../core/sandbox/state-file.js";
import { StateMachine } from "../../../core/sandbox/state-machine.js";
import type { SandboxState } from "../../../core/sandbox/state.js";
import type { Demand } from "../../../core/sizing/limits.js";
import type { MachineSizing } from "../../../core/sizing/machine-sizing.js";
import { adoptMachine } from "./adopt.js";
import {
  bootMachine,
  type GuestIdentity,
  type HostParts,
  machineFailure,
  type MachineParts,
  prepareMachine,
} from "./boot.js";
import type { Container } from "./container.js";
import { handlerErrors } from "./errors.js";
import { HostLimits } from "./host-limits.js";
import { adoptedSize, bootSize, machineSizing } from "./machine-size.js";
import { NetworkWatch } from "./network-watch.js";
import { sandboxState } from "./sandbox-state.js";
import { guestSwap } from "./swap.js";

const transitions = {
  start: { from: ["new"], to: "starting" },
  started: { from: ["starting"], to: "running" },
  fail: { from: ["new", "starting", "running"], to: "failed" },
  stop: { from: ["new", "starting", "running", "failed"], to: "stopping" },
  stopped: { from: ["stopping"], to: "stopped" },
} as const;

type State = "new" | "starting" | "running" | "failed" | "stopping" | "stopped";

/** What a sandbox is made for. */
export interface SandboxOrder {
  readonly guest: GuestIdentity;
  /** `linux.cgroupsPath` of the container that it is made with. */
  readonly cgroupsPath: string | undefined;
  /** Whether that container only stands for the pod. */
  readonly isPod: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  /** The limits that are known before its machine starts. */
  readonly known: readonly Demand[];
}

/** What a sandbox is made for, by the container that it is made with. */
export function sandboxOrder(
  { spec }: Pick<CreateTask, "spec">,
  role: ContainerRole,
  guest: GuestIdentity,
  known: readonly Demand[],
): SandboxOrder {
  const { cgroupsPath } = spec.linux ?? {};
  return { guest, cgroupsPath, isPod: role === "sandbox", annotations: spec.annotations ?? {}, known };
}

/** Milliseconds in which the VMM's end is awaited after the agent's connection broke, to name the real cause. */
const blameTime = 500;

/**
 * One sandbox: a virtual machine with its agent and its containers. `start` is run by whoever comes first; when the machine
 * ends by itself the sandbox is `failed`, `lost` settles with the reason, and everything on the host is undone at once.
 */
export class VirtSandbox {
  readonly id: string;
  readonly containers = new Map<string, Container>();
  /** The limits of its containers, for what on the host is sized by them. */
  readonly limits: ContainerLimits;
  readonly env: SandboxEnvironment;
  /** Annotations of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly phases: PhaseTimer;
  /** Settles with the reason when the guest is gone, whether it failed or was stopped. */
  readonly lost: Promise<unknown>;
  readonly #context: PluginContext;
  readonly #machine: StateMachine<State, keyof typeof transitions>;
  readonly #abort = new AbortController();
  readonly #order: SandboxOrder;
  #release: (reason: unknown) => Promise<void> = () => Promise.resolve();
  #settleLost: (reason: unknown) => void = () => undefined;
  #parts: Promise<MachineParts> | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  /** Absent while there is no machine that another process could adopt. */
  #kept: StateFile | undefined;
  #sizing: MachineSizing | undefined;
  #pid = 0;

  constructor(context: PluginContext, env: SandboxEnvironment, order: SandboxOrder) {
    this.#context = context;
    this.env = env;
    this.annotations = order.annotations;
    this.id = env.info.id;
    this.limits = new ContainerLimits(env.log);
    this.#order = order;
    this.#machine = new StateMachine<State, keyof typeof transitions>(`the sandbox "${this.id}"`, "new", transitions);
    this.phases = new PhaseTimer(this.id, (phase) => {
      env.log.info("phase done", { phase: phase.name, ms: Math.round(phase.ms) });
      context.events.publish(phaseDone, phase);
    });
    this.lost = new Promise((resolve) => (this.#settleLost = resolve));
    void env.broken.then((error) => this.#break(error));
  }

  /** Host pid that stands for the sandbox; 0 until its VMM runs. */
  get pid(): number {
    return this.#pid;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get running(): boolean {
    return this.#machine.state === "running";
  }

  /** The machine's parts as soon as containers can be prepared with them. */
  parts(): Promise<MachineParts> {
    this.#parts ??= prepareMachine(this.env, this.#hostParts(), this.phases, this.signal);
    return this.#parts;
  }

  /** Boots the machine; every caller waits for the one boot. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /**
   * In the place of `start`: takes over the machine of a sandbox whose shim was killed. `begin` is to follow, once its
   * containers are there. What it rejects with leaves everything as it was.
   */
  async adopt(state: SandboxState): Promise<void> {
    this.#machine.apply("start");
    const adopted = await adoptMachine(this.env, state, this.#hostParts(), this.signal);
    this.#parts = Promise.resolve(adopted.parts);
    this.#started = Promise.resolve();
    this.#release = (reason) => adopted.release(reason);
    const { containers } = state;
    this.limits.adopt(new Map(containers.map(({ request, limits }) => [request.containerId, limits] as const)));
    const size = await adoptedSize(this.env.config, adopted.parts.hypervisor, containers);
    this.#follow(adopted.parts, machineSizing(this.env, adopted.parts, size));
  }

  /** Goes on with what was adopted: from here on the sandbox is as if it had been started here. */
  async begin(): Promise<void> {
    const parts = await this.parts();
    const limits = this.#hostLimits(parts);
    await limits.restore(this.limits.all);
    this.limits.follow(limits);
    await parts.cgroup.enter();
    this.#run(parts);
  }

  /** Lets go of what was adopted, and leaves it as it is. */
  async abandon(reason: unknown): Promise<void> {
    this.#abort.abort(reason);
    this.#settleLost(reason);
    this.env.scope.abandon();
    await this.#release(reason);
  }

  /** Ends when what another process needs to go on with the sandbox is on disk, as it is now. */
  async keep(): Promise<void> {
    await this.#kept?.save();
  }

  /** What is told of something that failed in the guest: why that is gone, when it is, or the machine's end within a moment. */
  async reason(error: unknown): Promise<unknown> {
    const parts = await this.#parts?.catch(() => undefined);
    if (parts === undefined || this.signal.aborted) return error;
    const gone = await Promise.race([parts.agent.lost.then(() => true), setImmediate(false)]);
    if (!gone) return error;
    const failure = machineFailure(parts, this.id);
    return (await Promise.race([this.lost, failure, setTimeout(blameTime, undefined)])) ?? error;
  }

  /** Ends the sandbox: by force with a `reason`, in good order without. Everyone waits for the one end. */
  stop(reason?: unknown): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async #start(): Promise<void> {
    this.#machine.apply("start");
    const parts = await this.parts();
    const { env, phases, signal } = this;
    const { guest, known } = this.#order;
    const hostLimits = this.#hostLimits(parts);
    const size = bootSize(env.config, parts.hypervisor.capability("resize") !== undefined, known);
    const booting = bootMachine(env, this.#context.sys, parts, size, guest, phases, signal);
    parts.disks.boot(booting);
    await booting;
    this.#follow(parts, machineSizing(env, parts, size));
    this.limits.follow(hostLimits);
    this.#run(parts);
  }

  #run(parts: MachineParts): void {
    this.#pid = parts.hypervisor.pid;
    this.#machine.apply("started");
    if (parts.hypervisor.capability("adopt") !== undefined) {
      const { env, annotations, limits, containers } = this;
      const state = () => sandboxState({ env, parts, annotations, limits, containers: containers.values() });
      this.#kept = new StateFile({ sys: this.#context.sys, log: env.log, runDirectory: env.info.runDirectory, state });
    }
    this.#watch(parts);
  }

  /** Before the host's limits: these are given up after the machine has given up what they were for. */
  #follow(parts: MachineParts, sizing: MachineSizing): void {
    this.#sizing = sizing;
    this.limits.follow(sizing);
    const memoryMiB = () => sizing.size.memoryMiB;
    const swap = guestSwap(this.env, parts, { memoryMiB, keep: () => this.keep() });
    if (swap === undefined) return;
    this.limits.follow(swap);
    this.env.scope.defer("guest swap", () => swap.close());
  }

  #hostParts(): HostParts {
    const { sys, roots, ownsProcess } = this.#context;
    return {
      sys,
      cgroup: { cgroupsPath: this.#order.cgroupsPath, root: roots.cgroup, systemd: roots.systemd, ownsProcess },
    };
  }

  #hostLimits({ hypervisor, cgroup }: MachineParts): HostLimits {
    const { sys } = this.#context;
    const memoryMiB = () => this.#sizing?.size.memoryMiB ?? 0;
    return new HostLimits({ env: this.env, sys, hypervisor, cgroup, isPod: this.#order.isPod, memoryMiB });
  }

  #watch(parts: MachineParts): void {
    const { hypervisor, agent } = parts;
    const failure = machineFailure(parts, this.id);
    const agentLost = agent.lost.then(async (cause) => {
      const blamed = await Promise.race([failure, setTimeout(blameTime, undefined)]);
      if (blamed !== undefined) return blamed;
      return handlerErrors.KATA_AGENT_LOST({ sandbox: this.id, console: hypervisor.consoleTail() }, { cause });
    });
    void Promise.race([failure, agentLost]).then((error) => this.#fail(error));
    const watch = parts.network && NetworkWatch.begin(parts.network, this.env.log, () => void this.keep());
    if (watch !== undefined) this.env.scope.defer("network watch", () => watch.close());
    const oom = agent.capability("oom");
    if (oom) void this.#watchMemory(oom);
  }

  async #watchMemory(oom: { events(signal: AbortSignal): AsyncIterable<string> }): Promise<void> {
    try {
      for await (const containerId of oom.events(this.signal)) {
        if (this.containers.has(containerId)) this.#context.events.publish(taskOutOfMemory, { containerId });
      }
    } catch (error) {
      if (this.running) this.env.log.warn("memory events of the guest have ended", { error: describeError(error) });
    }
  }

  /** A plugin has failed behind everybody's back: what goes on ends with that, what runs fails. */
  #break(error: Error): void {
    if (this.running) return this.#fail(error);
    this.#abort.abort(error);
  }

  #fail(error: unknown): void {
    if (!this.running) return;
    this.#machine.apply("fail");
    this.env.log.error("the sandbox failed", { error: describeError(error) });
    void this.stop(error).catch((cause: unknown) => {
      this.env.log.error("cleaning up the failed sandbox", { error: describeError(cause) });
    });
  }

  async #stop(reason: unknown): Promise<void> {
    this.#machine.apply("stop");
    this.#abort.abort(reason ?? new Error(`the sandbox "${this.id}" is being stopped`));
    this.#settleLost(reason);
    await this.#kept?.close();
    await this.#parts?.catch(() => undefined);
    await this.#started?.catch(() => undefined);
    const errors: unknown[] = [];
    const gather = (error: unknown) => void errors.push(error);
    for (const container of this.containers.values()) await container.release(0).catch(gather);
    for (const container of this.containers.values()) await container.cleanup(true).catch(gather);
    await (reason === undefined ? this.env.scope.close() : this.env.scope.destroy(reason)).catch(gather);
    this.#machine.apply("stopped");
    if (errors.length > 0) throw new AggregateError(errors, `stopping the sandbox "${this.id}"`);
  }
}
