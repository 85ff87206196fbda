import { agentErrors } from "../errors.js";
import type { ControlGroup } from "./cgroup.js";
import type { ContainerProcess } from "./process.js";

/** Where a container is in its life. */
export type ContainerState = "created" | "running" | "paused" | "stopped" | "being removed";

/** Ends of further processes that are kept after all was told of them: whoever was to hear may have been killed meanwhile. */
const keptEnds = 256;

/** What a container is made of once it exists. */
export interface ContainerParts {
  readonly id: string;
  /** Directory with its `config.json`. */
  readonly bundle: string;
  readonly cgroup: ControlGroup;
  readonly init: ContainerProcess;
  /** Whether hooks run after its start, and after its end. */
  readonly hooks: { readonly afterStart: boolean; readonly afterEnd: boolean };
}

/** A container of the guest: its state and its processes. */
export class Container {
  readonly id: string;
  readonly bundle: string;
  readonly cgroup: ControlGroup;
  readonly init: ContainerProcess;
  readonly hooks: ContainerParts["hooks"];
  readonly #execs = new Map<string, ContainerProcess>();
  readonly #starting = new Set<string>();
  /** Exit statuses of further processes that are forgotten, the oldest first. */
  readonly #ends = new Map<string, number>();
  #state: ContainerState = "created";

  constructor(parts: ContainerParts) {
    this.id = parts.id;
    this.bundle = parts.bundle;
    this.cgroup = parts.cgroup;
    this.init = parts.init;
    this.hooks = parts.hooks;
  }

  get state(): ContainerState {
    return this.#state !== "being removed" && this.init.hasEnded ? "stopped" : this.#state;
  }

  /** Goes on to a state; `KATA_GUEST_CONTAINER_STATE` from any but `from`. `wanted` completes "it cannot be …". */
  advance(to: ContainerState, from: readonly ContainerState[], wanted: string): void {
    this.assertState(from, wanted);
    this.#state = to;
  }

  assertState(allowed: readonly ContainerState[], wanted: string): void {
    const { id, state } = this;
    if (!allowed.includes(state)) throw agentErrors.KATA_GUEST_CONTAINER_STATE({ id, state, wanted });
  }

  /** The first process by the container's own id, or a further one; `KATA_GUEST_PROCESS_UNKNOWN`. */
  process(execId: string): ContainerProcess {
    if (execId === this.id) return this.init;
    const process = this.#execs.get(execId);
    if (process === undefined) throw agentErrors.KATA_GUEST_PROCESS_UNKNOWN({ id: this.id, execId });
    return process;
  }

  /**
   * The exit status of a process once it has ended, also when that was told before: an answer on its way to a host that was
   * killed is nobody's, and the next host asks again. `KATA_GUEST_PROCESS_UNKNOWN`.
   */
  async wait(execId: string, signal: AbortSignal): Promise<number> {
    const end = this.#ends.get(execId);
    if (end !== undefined) return end;
    const status = await this.process(execId).wait(signal);
    this.sweep();
    return status;
  }

  processes(): ContainerProcess[] {
    return [this.init, ...this.#execs.values()];
  }

  /** Takes the id of a process that is about to be started. That of one that has ended is free again. */
  reserve(execId: string): void {
    const { id } = this;
    const there = this.#execs.get(execId);
    const isTaken = execId === id || this.#starting.has(execId) || there?.hasEnded === false;
    if (isTaken) throw agentErrors.KATA_GUEST_PROCESS_EXISTS({ id, execId });
    this.#forget(execId);
    this.#ends.delete(execId);
    this.#starting.add(execId);
  }

  /** Gives a reserved id its process, or back when none was made. */
  settle(execId: string, process: ContainerProcess | undefined): void {
    this.#starting.delete(execId);
    if (process !== undefined) this.#execs.set(execId, process);
  }

  /** Forgets further processes of which nothing is left to be told. */
  sweep(): void {
    for (const [execId, process] of this.#execs) if (process.isSettled) this.#forget(execId);
  }

  /** Closes the streams of all processes. */
  close(): void {
    for (const process of this.processes()) process.streams.close();
    this.#execs.clear();
  }

  #forget(execId: string): void {
    const process = this.#execs.get(execId);
    process?.streams.close();
    this.#execs.delete(execId);
    if (process?.status === undefined) return;
    this.#ends.set(execId, process.status);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > keptEnds && oldest !== undefined) this.#ends.delete(oldest);
  }
}
