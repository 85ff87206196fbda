import type { Deadline } from "../deadline.js";

/** Names one process for as long as the machine runs: a pid alone is reused. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTime: bigint;
}

/** A signal by name (`SIGTERM`) or number; real-time signals only by number. */
export type Signal = NodeJS.Signals | number;

/** Which children `wait` looks at. */
export type WaitTarget =
  | { readonly any: true }
  | { readonly pid: number }
  | { readonly pidfd: number }
  | { readonly group: number };

/** How `wait` waits. It never blocks. */
export interface WaitOptions {
  /** `WNOWAIT`: tell, and leave the child to be waited for by its owner. */
  readonly peek?: boolean;
}

/** How a child ended. */
export interface ChildExit {
  readonly pid: number;
  readonly uid: number;
  /** As a shell shows it: the exit code, or 128 + the signal that killed it. */
  readonly exitCode: number;
  /** The signal that killed it. */
  readonly signal?: number;
  readonly coreDumped: boolean;
}

/** What `spawn` runs. */
export interface SpawnRequest {
  /** Absolute path of the program. */
  readonly file: string;
  /** Its arguments, its own name first. */
  readonly args: readonly string[];
  /** Its whole environment, each `NAME=value`. */
  readonly env: readonly string[];
  /**
   * Descriptors that become its 0, 1, 2 and so on; they stay open here. None of them may have a number below the length of
   * the list, unless that is its own place. Others it has only when they are not close-on-exec.
   */
  readonly fds: readonly number[];
  /** Makes it the leader of a session of its own. */
  readonly newSession?: boolean;
}

/** Limits of getrlimit(2). */
export type ResourceLimitKind =
  | "AS"
  | "CORE"
  | "CPU"
  | "DATA"
  | "FSIZE"
  | "LOCKS"
  | "MEMLOCK"
  | "MSGQUEUE"
  | "NICE"
  | "NOFILE"
  | "NPROC"
  | "RSS"
  | "RTPRIO"
  | "RTTIME"
  | "SIGPENDING"
  | "STACK";

/** A soft and a hard limit; `Infinity` is none. */
export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

/**
 * Processes beyond `node:child_process`. What Node cannot do: a parent-death signal for a child it spawns
 * (`PR_SET_PDEATHSIG` must be set in the child, after the fork, and Node runs no code of ours there).
 */
export interface Processes {
  /** A descriptor of a process, which no reuse of its pid redirects. ESRCH when there is none. Linux 5.3. */
  openPidfd(pid: number): number;

  /** Sends a signal by a pidfd. False when the process is gone already. */
  signalPidfd(pidfd: number, signal: Signal): boolean;

  /** Ends well when the process of a pidfd has ended (it may be nobody's child, or not reaped yet). */
  exited(pidfd: number, deadline: Deadline): Promise<void>;

  /** Who has this pid now; undefined when nobody. */
  identity(pid: number): ProcessIdentity | undefined;

  /** Whether this very process still runs; a zombie does not. */
  isAlive(process: ProcessIdentity): boolean;

  /** Signals exactly this process: false when it is gone, also when its pid is another's now. */
  signal(process: ProcessIdentity, signal: Signal): boolean;

  /** Ends well once this very process has ended. */
  ended(process: ProcessIdentity, deadline: Deadline): Promise<void>;

  /**
   * waitid(2) without blocking: a child that has ended, or undefined. Without `peek` it is reaped: never do that to a
   * child of `node:child_process`, whose `exit` event would be lost.
   */
  wait(target: WaitTarget, options?: WaitOptions): ChildExit | undefined;

  /**
   * posix_spawn(3): starts a program, with all signals at their default, and gives its pid. Faster than
   * `node:child_process`, which copies the page tables of a big process first. Its end is not told: `wait` for it, and
   * learn of SIGCHLD by `process.on`. A program that cannot be executed is a `SysError`.
   */
  spawn(request: SpawnRequest): number;

  /** Makes this process the parent of orphans below it, or no longer. */
  setChildSubreaper(on: boolean): void;

  /** The name `ps` and `top` show for the calling thread; 15 bytes, more are cut. */
  setName(name: string): void;

  /** A new session without a terminal; EPERM for a leader of a process group. `detached: true` of spawn does it for a child. */
  setSession(): number;

  /**
   * Gives memory back to the kernel that the C library keeps for what this process, any thread of it, may want next. Takes
   * up to some milliseconds. glibc's malloc_trim(3): nothing happens with a C library that has no such thing.
   */
  giveBackMemory(): void;

  /** Runs `pid` (0: this thread) on these CPUs only. */
  setAffinity(pid: number, cpus: readonly number[]): void;

  affinity(pid: number): number[];

  resourceLimit(kind: ResourceLimitKind, pid?: number): ResourceLimit;

  setResourceLimit(kind: ResourceLimitKind, limit: ResourceLimit, pid?: number): void;

  /** Closes descriptors `first` to `last`, both included, or only marks them close-on-exec. Linux 5.9 (5.11 to mark). */
  closeRange(first: number, last: number, options?: { readonly onlyOnExec?: boolean }): void;
}
