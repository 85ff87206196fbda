import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { messageOf } from "../errors/error.js";
import { endProcess, exitWithin } from "./end-process.js";
import { processErrors } from "./errors.js";
import { defaultPath } from "./find-executable.js";
import { identityOf, type ProcessIdentity } from "./identity.js";
import type { HelperProcess } from "./helper-process.js";
import { LineRing } from "./line-ring.js";

/** What a helper process is started with. */
export interface ChildOptions {
  /** What it is called in messages: `qemu`, `virtiofsd`. */
  readonly name: string;
  /** Absolute path of the program. */
  readonly command: string;
  readonly args: readonly string[];
  /** All of its environment; only PATH and a neutral locale unless told. */
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptors it gets as 3, 4, …; they stay open here. */
  readonly fds?: readonly number[];
  /** Receives each line of its stdout and stderr, made harmless. */
  readonly onLine?: (line: string) => void;
  /** SELinux label it runs under. */
  readonly selinuxLabel?: string;
  /** Wraps the synchronous act of spawning: to be in another network namespace for that moment, for example. */
  readonly around?: <T>(act: () => T) => T;
}

/** How a child ended; `code` is -1 when a signal ended it. */
export interface ChildExit {
  readonly code: number;
  readonly signal?: NodeJS.Signals;
}

/** A step of ending a process: a signal, and how many milliseconds it has to take effect. */
export interface KillStep {
  readonly signal: NodeJS.Signals;
  readonly ms: number;
}

/** Good manners first, force after. */
export const gentleKill: readonly KillStep[] = [
  { signal: "SIGTERM", ms: 2000 },
  { signal: "SIGKILL", ms: 5000 },
];

/** Force only. */
export const forcedKill: readonly KillStep[] = [{ signal: "SIGKILL", ms: 5000 }];

// After its exit, how long a process that it left behind may keep its output open before the exit is reported anyway.
const outputGraceMs = 200;

/**
 * A helper process. It leads a session of its own, so that a signal to our process group spares it; stdin is /dev/null;
 * its output is kept as its last lines; its working directory is `/`. Of the descriptors that this process opened it gets
 * only those given; what this process was itself started with is for its entry point to mark close-on-exec.
 */
export class Child implements HelperProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
  /** Settles once it has ended and its last output was read. Never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #output: LineRing;
  #exit: ChildExit | undefined;

  private constructor(name: string, process: ChildProcess, identity: ProcessIdentity, output: LineRing) {
    this.name = name;
    this.identity = identity;
    this.#process = process;
    this.#output = output;
    process.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    process.stderr?.on("data", (chunk: Buffer) => output.push(chunk));
    this.exited = new Promise((resolve) => {
      process.once("exit", (code, signal) => {
        const exit = signal === null ? { code: code ?? -1 } : { code: -1, signal };
        this.#exit = exit;
        const grace = setTimeout(() => {
          process.stdout?.destroy();
          process.stderr?.destroy();
          resolve(exit);
        }, outputGraceMs);
        process.once("close", () => {
          clearTimeout(grace);
          resolve(exit);
        });
      });
    });
  }

  /** Starts the program; resolves when it has been executed, `KATA_PROCESS_SPAWN` when it cannot be. */
  static async spawn(options: ChildOptions): Promise<Child> {
    const { name, command } = options;
    const output = new LineRing(options.onLine === undefined ? {} : { onLine: options.onLine });
    const around = options.around ?? ((act) => act());
    let child: ChildProcess;
    try {
      child = around(() => labelled(options.selinuxLabel, () => spawnDetached(options)));
    } catch (error) {
      throw processErrors.KATA_PROCESS_SPAWN({ name, command, problem: messageOf(error) }, { cause: error });
    }
    const pid = child.pid;
    if (pid === undefined) {
      const error = await new Promise<Error>((resolve) => child.once("error", resolve));
      throw processErrors.KATA_PROCESS_SPAWN({ name, command, problem: messageOf(error) }, { cause: error });
    }
    // Failures of later signals surface where they are sent; without a listener they would end this process.
    child.on("error", (error) => options.onLine?.(`signalling failed: ${messageOf(error)}`));
    // A program that ends at once has no start time to read any more, and needs none: it can never be killed by mistake.
    return new Child(name, child, identityOf(pid) ?? { pid, startTime: "0" }, output);
  }

  get pid(): number {
    return this.identity.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  /** The last lines of its stdout and stderr, oldest first. */
  tail(count?: number): string[] {
    return this.#output.tail(count);
  }

  /** Sends a signal; false when it has ended. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#exit === undefined && this.#process.kill(signal);
  }

  /**
   * Ends it, step by step, and waits for its end; idempotent. `KATA_PROCESS_STUCK` when it survives the last step, which
   * only a process that hangs in the kernel does.
   */
  end(steps: readonly KillStep[] = gentleKill): Promise<ChildExit> {
    return endProcess(this, steps);
  }

  /** How it ended, or undefined when it has not within `ms`. */
  waitFor(ms: number): Promise<ChildExit | undefined> {
    return exitWithin(this.exited, ms);
  }
}

function spawnDetached({ command, args, env, fds = [] }: ChildOptions): ChildProcess {
  return spawn(command, args, {
    cwd: "/",
    detached: true,
    env: env ?? { PATH: process.env["PATH"] ?? defaultPath, LC_ALL: "C.UTF-8" },
    stdio: ["ignore", "pipe", "pipe", ...fds],
  });
}

/** Runs `act` with the label that programs executed by this thread get. */
function labelled<T>(label: string | undefined, act: () => T): T {
  if (label === undefined || label === "") return act();
  const attribute = "/proc/thread-self/attr/exec";
  writeFileSync(attribute, label);
  try {
    return act();
  } finally {
    writeFileSync(attribute, "");
  }
}
