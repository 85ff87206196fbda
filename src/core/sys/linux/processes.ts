import { readFileSync } from "node:fs";
import { constants } from "node:os";
import type { Deadline } from "../../deadline.js";
import { sysErrors } from "../errors.js";
import { parseProcessStat, type ProcessStat } from "../process-stat.js";
import type {
  ChildExit,
  ProcessIdentity,
  Processes,
  ResourceLimit,
  ResourceLimitKind,
  Signal,
  SpawnRequest,
  WaitOptions,
  WaitTarget,
} from "../processes.js";
import { errnoNameOf } from "../sys-error.js";
import { closeFd, withFd, withFdSync } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { readResourceLimit, writeResourceLimit } from "./resource-limits.js";
import { spawnProcess } from "./spawn.js";
import { waitForChild } from "./wait.js";
import { waitUntilReady } from "./watch.js";

const setSubreaper = 36;
const setThreadName = 15;
const onlyOnExec = 4;
const trimPrototype = "int malloc_trim(size_t)";
const esrch = 3;

/** Bytes of a `cpu_set_t`: 1024 CPUs. */
const cpuSetBytes = 128;

function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch (error) {
    const errno = errnoNameOf(error);
    if (errno === "ENOENT" || errno === "ESRCH") return undefined;
    throw error;
  }
}

function signalNumber(signal: Signal): number {
  return typeof signal === "number" ? signal : constants.signals[signal];
}

/** `Processes` by pidfds, waitid(2), prctl(2) and /proc. */
export class LinuxProcesses implements Processes {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  openPidfd(pid: number): number {
    return this.#libc.syscall("pidfd_open", "int, uint", pid, 0);
  }

  signalPidfd(pidfd: number, signal: Signal): boolean {
    const args = [pidfd, signalNumber(signal), null, 0] as const;
    const result = this.#libc.attemptSyscall("pidfd_send_signal", "int, int, void*, uint", ...args);
    if (result < 0 && result !== -esrch) throw this.#libc.error("pidfd_send_signal", args, -result);
    return result >= 0;
  }

  exited(pidfd: number, deadline: Deadline): Promise<void> {
    return waitUntilReady(this.#libc, pidfd, { readable: true }, deadline);
  }

  identity(pid: number): ProcessIdentity | undefined {
    const stat = readStat(pid);
    return stat === undefined ? undefined : { pid, startTime: stat.startTime };
  }

  isAlive({ pid, startTime }: ProcessIdentity): boolean {
    const stat = readStat(pid);
    return stat !== undefined && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
  }

  signal(process: ProcessIdentity, signal: Signal): boolean {
    const pidfd = this.#pidfdOf(process);
    return pidfd !== undefined && withFdSync(pidfd, (fd) => this.signalPidfd(fd, signal));
  }

  async ended(process: ProcessIdentity, deadline: Deadline): Promise<void> {
    const pidfd = this.#pidfdOf(process);
    if (pidfd !== undefined) await withFd(pidfd, (fd) => this.exited(fd, deadline));
  }

  wait(target: WaitTarget, options: WaitOptions = {}): ChildExit | undefined {
    return waitForChild(this.#libc, target, options);
  }

  spawn(request: SpawnRequest): number {
    return spawnProcess(this.#libc, request);
  }

  setChildSubreaper(on: boolean): void {
    this.#libc.call("int prctl(int, ulong, ulong, ulong, ulong)", setSubreaper, on ? 1 : 0, 0, 0, 0);
  }

  setName(name: string): void {
    this.#libc.call("int prctl(int, str)", setThreadName, name);
  }

  setSession(): number {
    return this.#libc.call("int setsid()");
  }

  giveBackMemory(): void {
    if (this.#libc.has(trimPrototype)) this.#libc.attempt(trimPrototype, 0);
  }

  setAffinity(pid: number, cpus: readonly number[]): void {
    const mask = Buffer.alloc(cpuSetBytes);
    for (const cpu of cpus) {
      if (!Number.isInteger(cpu) || cpu < 0 || cpu >= cpuSetBytes * 8) {
        throw sysErrors.KATA_SYS_VALUE({ what: "a CPU", value: String(cpu), expected: "a number from 0 to 1023" });
      }
      mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    }
    this.#libc.call("int sched_setaffinity(int, size_t, void*)", pid, mask.length, mask);
  }

  affinity(pid: number): number[] {
    const mask = Buffer.alloc(cpuSetBytes);
    this.#libc.call("int sched_getaffinity(int, size_t, void*)", pid, mask.length, mask);
    const cpus: number[] = [];
    for (let cpu = 0; cpu < cpuSetBytes * 8; cpu++)
      if (((mask[cpu >> 3] ?? 0) & (1 << (cpu & 7))) !== 0) cpus.push(cpu);
    return cpus;
  }

  resourceLimit(kind: ResourceLimitKind, pid = 0): ResourceLimit {
    return readResourceLimit(this.#libc, kind, pid);
  }

  setResourceLimit(kind: ResourceLimitKind, limit: ResourceLimit, pid = 0): void {
    writeResourceLimit(this.#libc, kind, limit, pid);
  }

  closeRange(first: number, last: number, options: { readonly onlyOnExec?: boolean } = {}): void {
    const flags = options.onlyOnExec === true ? onlyOnExec : 0;
    this.#libc.syscall("close_range", "uint, uint, uint", first, last, flags);
  }

  /** A pidfd of exactly this process. The start time is read after the descriptor pins the pid. */
  #pidfdOf(process: ProcessIdentity): number | undefined {
    let pidfd: number;
    try {
      pidfd = this.openPidfd(process.pid);
    } catch (error) {
      if (errnoNameOf(error) === "ESRCH") return undefined;
      throw error;
    }
    if (this.identity(process.pid)?.startTime === process.startTime) return pidfd;
    closeFd(pidfd);
    return undefined;
  }
}
