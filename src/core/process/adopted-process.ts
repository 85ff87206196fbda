import type { Sys } from "../sys/sys.js";
import type { Watch } from "../sys/descriptors.js";
import { type ChildExit, gentleKill, type KillStep } from "./child.js";
import { endProcess, exitWithin } from "./end-process.js";
import type { HelperProcess } from "./helper-process.js";
import { isRunning, type ProcessIdentity } from "./identity.js";
import { errnoNameOf } from "../sys/sys-error.js";

/**
 * A process that somebody else has started, who was killed. Its end is seen, but not how it ended: `code` is -1 and there is
 * no signal. What it writes goes nowhere.
 */
export class AdoptedProcess implements HelperProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly exited: Promise<ChildExit>;
  readonly #sys: Pick<Sys, "descriptors" | "processes">;
  readonly #pidfd: number;
  readonly #watch: Watch;
  #exit: ChildExit | undefined;

  private constructor(
    sys: Pick<Sys, "descriptors" | "processes">,
    name: string,
    identity: ProcessIdentity,
    pidfd: number,
  ) {
    this.#sys = sys;
    this.name = name;
    this.identity = identity;
    this.#pidfd = pidfd;
    let settle: (exit: ChildExit) => void = () => undefined;
    this.exited = new Promise((resolve) => (settle = resolve));
    // A pidfd is readable when its process has ended (pidfd_open(2)).
    this.#watch = sys.descriptors.watch(pidfd, { readable: true }, () => {
      this.#exit = { code: -1 };
      this.#watch.close();
      sys.descriptors.close(pidfd);
      settle(this.#exit);
    });
    this.#watch.unref();
  }

  /** Watches it; undefined when it has ended already. */
  static watch(
    sys: Pick<Sys, "descriptors" | "processes">,
    name: string,
    identity: ProcessIdentity,
  ): AdoptedProcess | undefined {
    const pidfd = openPidfd(sys, identity.pid);
    if (pidfd === undefined) return undefined;
    // It may have ended, and its pid have gone to another one, before the descriptor was opened.
    if (isRunning(identity)) return new AdoptedProcess(sys, name, identity, pidfd);
    sys.descriptors.close(pidfd);
    return undefined;
  }

  get pid(): number {
    return this.identity.pid;
  }

  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  tail(): string[] {
    return [];
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.#exit === undefined && this.#sys.processes.signalPidfd(this.#pidfd, signal);
  }

  end(steps: readonly KillStep[] = gentleKill): Promise<ChildExit> {
    return endProcess(this, steps);
  }

  waitFor(ms: number): Promise<ChildExit | undefined> {
    return exitWithin(this.exited, ms);
  }

  /** Watches it no longer; it goes on. */
  release(): void {
    if (this.#exit !== undefined) return;
    this.#watch.close();
    this.#sys.descriptors.close(this.#pidfd);
  }
}

function openPidfd(sys: Pick<Sys, "processes">, pid: number): number | undefined {
  try {
    return sys.processes.openPidfd(pid);
  } catch (error) {
    if (errnoNameOf(error) === "ESRCH") return undefined;
    throw error;
  }
}
