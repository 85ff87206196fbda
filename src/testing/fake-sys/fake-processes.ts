import { constants } from "node:os";
import { type Deadline, withDeadline } from "../../core/deadline.js";
import { errnoNumber } from "../../core/sys/errno.js";
import type {
  ChildExit,
  ProcessIdentity,
  Processes,
  ResourceLimit,
  ResourceLimitKind,
  Signal,
} from "../../core/sys/processes.js";
import { SysError } from "../../core/sys/sys-error.js";

/** A pretended process. */
export interface FakeProcess {
  readonly startTime: bigint;
  /** Signals it was sent, by number. SIGKILL and SIGTERM end it, unless `stubborn`. */
  readonly signals: number[];
  /** SIGTERM does not end it. */
  readonly stubborn?: boolean;
  /** Set once it has ended: how, for a child's `wait`. */
  exit?: ChildExit;
}

const firstFd = 1_000_000;
/** Above every real pid. */
const firstPid = 2 ** 22 + 1;
const poll = 5;

/** A table of processes in memory. Nothing here ever signals a real process. */
export class FakeProcesses implements Processes {
  readonly table = new Map<number, FakeProcess>([
    [process.pid, { startTime: 1n, signals: [] }],
    [process.ppid, { startTime: 1n, signals: [] }],
  ]);
  readonly #pidfds = new Map<number, number>();
  readonly #limits = new Map<ResourceLimitKind, ResourceLimit>();
  #nextFd = firstFd;
  #nextPid = firstPid;
  #cpus: readonly number[] = [0];

  openPidfd(pid: number): number {
    if (!this.table.has(pid)) throw this.#refuse("pidfd_open", pid, "ESRCH");
    const fd = this.#nextFd++;
    this.#pidfds.set(fd, pid);
    return fd;
  }

  signalPidfd(pidfd: number, signal: Signal): boolean {
    const target = this.table.get(this.#pidOf(pidfd));
    if (target === undefined || target.exit !== undefined) return false;
    this.#deliver(this.#pidOf(pidfd), target, signal);
    return true;
  }

  async exited(pidfd: number, deadline: Deadline): Promise<void> {
    const pid = this.#pidOf(pidfd);
    await this.#gone(() => this.table.get(pid)?.exit !== undefined || !this.table.has(pid), deadline);
  }

  identity(pid: number): ProcessIdentity | undefined {
    const found = this.table.get(pid);
    return found === undefined ? undefined : { pid, startTime: found.startTime };
  }

  isAlive({ pid, startTime }: ProcessIdentity): boolean {
    const found = this.table.get(pid);
    return found !== undefined && found.startTime === startTime && found.exit === undefined;
  }

  signal(process: ProcessIdentity, signal: Signal): boolean {
    const target = this.table.get(process.pid);
    if (target === undefined || !this.isAlive(process)) return false;
    this.#deliver(process.pid, target, signal);
    return true;
  }

  async ended(process: ProcessIdentity, deadline: Deadline): Promise<void> {
    await this.#gone(() => !this.isAlive(process), deadline);
  }

  wait(): ChildExit | undefined {
    return undefined;
  }

  spawn(): number {
    const pid = this.#nextPid++;
    this.table.set(pid, { startTime: 1n, signals: [] });
    return pid;
  }

  setChildSubreaper(): void {
    // nothing to remember: the call itself is recorded
  }

  setName(): void {
    // nothing to remember: the call itself is recorded
  }

  setSession(): number {
    return process.pid;
  }

  giveBackMemory(): void {
    // nothing to remember: the call itself is recorded
  }

  setAffinity(_pid: number, cpus: readonly number[]): void {
    this.#cpus = cpus;
  }

  affinity(): number[] {
    return [...this.#cpus];
  }

  resourceLimit(kind: ResourceLimitKind): ResourceLimit {
    return this.#limits.get(kind) ?? { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
  }

  setResourceLimit(kind: ResourceLimitKind, limit: ResourceLimit): void {
    this.#limits.set(kind, limit);
  }

  closeRange(): void {
    // closing real descriptors would close the test runner's
  }

  #pidOf(pidfd: number): number {
    const pid = this.#pidfds.get(pidfd);
    if (pid === undefined) throw this.#refuse("pidfd_send_signal", pidfd, "EBADF");
    return pid;
  }

  #deliver(pid: number, target: FakeProcess, signal: Signal): void {
    const number = typeof signal === "number" ? signal : constants.signals[signal];
    target.signals.push(number);
    const { SIGKILL, SIGTERM } = constants.signals;
    if (number === SIGKILL || (number === SIGTERM && target.stubborn !== true)) {
      target.exit = { pid, uid: 0, exitCode: 128 + number, signal: number, coreDumped: false };
    }
  }

  async #gone(test: () => boolean, deadline: Deadline): Promise<void> {
    await withDeadline(deadline, async (signal) => {
      while (!test() && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, poll));
    });
  }

  #refuse(call: string, argument: number, errno: string): SysError {
    return new SysError(`fake ${call}`, [argument], errnoNumber(errno) ?? 0, errno);
  }
}
