import { setImmediate as nextTurn, setTimeout } from "node:timers/promises";
import type { Agent, GuestProcess } from "../../../core/contracts/agent.js";
import type { Logger } from "../../../core/log.js";
import type { ProcessExit, ProcessId, ProcessIo, ProcessStatus } from "../../../core/messages/task.js";
import type { ProcessStreams } from "../../../core/io/process-streams.js";
import type { ProcessState } from "../../../core/sandbox/state.js";
import { StateMachine } from "../../../core/sandbox/state-machine.js";
import { handlerErrors } from "./errors.js";

/** Exit status of a process whose end nobody saw: the guest is gone. */
export const unknownExitStatus = 255;

/** Milliseconds in which it is found out why a guest is gone, before the ends of its processes are told. */
const causeTime = 2_000;

/** Milliseconds in which the last output of a process that has ended may arrive before its end is told. */
const lastOutputTime = 500;

const transitions = {
  start: { from: ["created"], to: "starting" },
  started: { from: ["starting"], to: "running" },
  "fail to start": { from: ["starting"], to: "stopped" },
  "run a process in": { from: ["running"], to: "running" },
  pause: { from: ["running"], to: "paused" },
  resume: { from: ["paused"], to: "running" },
  exit: { from: ["created", "starting", "running", "paused"], to: "stopped" },
  delete: { from: ["created", "stopped"], to: "deleted" },
} as const;

type State = "created" | "starting" | "running" | "paused" | "stopped" | "deleted";

/** Where the state machine of a process begins. */
function initialState(adopted: ProcessState | undefined): State {
  if (adopted === undefined) return "created";
  if (adopted.exit !== undefined) return "stopped";
  return adopted.status === "running" || adopted.status === "paused" ? adopted.status : "created";
}

/** What a process needs to know of its surroundings. */
export interface ProcessParts {
  readonly id: ProcessId;
  readonly io: ProcessIo;
  readonly streams: ProcessStreams;
  readonly agent: Agent;
  readonly log: Logger;
  /** Called once, after the process has ended and, if it was being started, after the start has been answered. */
  readonly onExit: (exit: ProcessExit) => void;
  /** What another shim knew of it, which was killed; `resume` goes on from there. */
  readonly adopted?: ProcessState;
}

/**
 * One process of a container, its first one or a further one: its state, its stdio and its end. The end is told once, never
 * before its start, and does not wait for output that a child of the process may still write.
 */
export class Process {
  readonly id: ProcessId;
  readonly io: ProcessIo;
  readonly machine: StateMachine<State, keyof typeof transitions>;
  /** Settles when the process has ended; never rejects. */
  readonly exited: Promise<ProcessExit>;
  readonly #parts: ProcessParts;
  #settleExit: (exit: ProcessExit) => void = () => undefined;
  #exit: ProcessExit | undefined;
  #starting: Promise<unknown> = Promise.resolve();
  #pumping: Promise<void> = Promise.resolve();
  #lost: Promise<unknown> | undefined;
  #size: { rows: number; columns: number } | undefined;

  constructor(parts: ProcessParts) {
    this.id = parts.id;
    this.io = parts.io;
    this.#parts = parts;
    const initial = initialState(parts.adopted);
    this.machine = new StateMachine<State, keyof typeof transitions>(this.describe(), initial, transitions);
    this.exited = new Promise((resolve) => (this.#settleExit = resolve));
    const exit = parts.adopted?.exit;
    if (exit === undefined) return;
    this.#exit = { status: exit.status, exitedAt: new Date(exit.exitedAt) };
    this.#settleExit(this.#exit);
  }

  describe(): string {
    const { containerId, execId } = this.id;
    return execId === ""
      ? `the container "${containerId}"`
      : `the process "${execId}" of the container "${containerId}"`;
  }

  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  get status(): ProcessStatus {
    const { state } = this.machine;
    if (state === "deleted") return "stopped";
    return state === "starting" ? "created" : state;
  }

  /** What `adopted` is in another shim. */
  state(): ProcessState {
    const { id, io, status, exit } = this;
    const ended = exit && { exit: { status: exit.status, exitedAt: exit.exitedAt.toISOString() } };
    return { execId: id.execId, io, status, ...ended };
  }

  get guest(): GuestProcess {
    const { containerId, execId } = this.id;
    return { containerId, execId: execId === "" ? containerId : execId };
  }

  /**
   * Starts it by `begin`, the agent's call, with its output flowing from the first byte on. `announce` is called once it
   * runs, before its end is told, however early that comes.
   */
  async start(begin: () => Promise<void>, announce: () => Promise<void>): Promise<void> {
    this.machine.apply("start");
    const start = this.#start(begin, announce);
    this.#starting = start.catch(() => undefined);
    await start;
  }

  /** Watches for the end; `lost` ends the watch when the guest is gone. */
  watch(lost: Promise<unknown>): void {
    this.#lost = lost;
    void this.#watch(lost);
  }

  /**
   * Goes on with a process that is adopted: waits for its end, unless that has come, and passes on its output from where it is.
   * `lost` as for `watch`.
   */
  resume(lost: Promise<unknown>): void {
    const { state } = this.machine;
    if (state === "stopped" || (state === "created" && this.id.execId !== "")) return;
    this.watch(lost);
    if (state === "created") return;
    // The guest may forget a process that has ended when all of its output was read: it is waited for first.
    this.#pumping = nextTurn().then(() => this.#parts.streams.pump(this.#parts.agent, this.guest));
  }

  async signal(signal: number, all: boolean): Promise<void> {
    if (!this.machine.can("exit")) throw handlerErrors.KATA_PROCESS_FINISHED({ what: this.describe() });
    await this.#parts.agent.signalProcess(this.guest, signal, all);
  }

  /** Sets the terminal's size now, or when it is started. */
  async resize(size: { rows: number; columns: number }): Promise<void> {
    this.#size = size;
    if (this.machine.state === "running") await this.#parts.agent.resizeTerminal(this.guest, size);
  }

  closeStdin(): void {
    this.#parts.streams.closeStdin();
  }

  /** Waits `ms` at most for the rest of the output, while the guest is there, and closes the streams. */
  async release(ms: number): Promise<void> {
    const late = setTimeout(ms, undefined, { ref: false });
    await Promise.race([this.#pumping, late, ...(this.#lost ? [this.#lost] : [])]);
    await this.#parts.streams.close();
  }

  async #start(begin: () => Promise<void>, announce: () => Promise<void>): Promise<void> {
    try {
      await begin();
    } catch (error) {
      await this.#failToStart();
      throw error;
    }
    this.#pumping = this.#parts.streams.pump(this.#parts.agent, this.guest);
    if (this.machine.can("started")) this.machine.apply("started");
    await announce();
    if (this.#size && this.machine.state === "running") await this.#parts.agent.resizeTerminal(this.guest, this.#size);
  }

  /** Ends without having run: whoever waits is answered, and whoever reads sees the end. No exit is told, for no start was. */
  async #failToStart(): Promise<void> {
    if (this.machine.can("fail to start")) {
      this.machine.apply("fail to start");
      this.#exit = { status: unknownExitStatus, exitedAt: new Date() };
      this.#settleExit(this.#exit);
    }
    await this.#parts.streams.close();
  }

  async #watch(lost: Promise<unknown>): Promise<void> {
    const status = await Promise.race([this.#exitStatus(lost), lost.then(() => unknownExitStatus)]);
    const exitedAt = new Date();
    await this.#outputPassedOn(lost);
    this.#ended({ status, exitedAt });
  }

  /** A wait that breaks off means that the guest is gone: that is found out, and logged, before anybody reacts to the end. */
  async #exitStatus(lost: Promise<unknown>): Promise<number> {
    try {
      return await this.#parts.agent.waitProcess(this.guest);
    } catch (error) {
      this.#parts.log.warn("nobody saw the process end", { ...this.id, error });
      await Promise.race([lost, setTimeout(causeTime, undefined, { ref: false })]);
      return unknownExitStatus;
    }
  }

  /**
   * Waits for the output that is on its way: clients close their ends as soon as they are told of the exit. A child that
   * holds the output open delays the telling by `lastOutputTime` only.
   */
  async #outputPassedOn(lost: Promise<unknown>): Promise<void> {
    const passedOn = this.#starting.then(() => this.#pumping);
    await Promise.race([passedOn, lost, setTimeout(lastOutputTime, undefined, { ref: false })]);
  }

  #ended(exit: ProcessExit): void {
    if (!this.machine.can("exit")) return;
    this.machine.apply("exit");
    this.#exit = exit;
    this.#settleExit(exit);
    void this.#starting.then(() => this.#parts.onExit(exit));
  }
}
