import { describeError } from "../../src/core/errors/error.js";
import type { Logger } from "../../src/core/log.js";
import type { ChildExit, Processes } from "../../src/core/sys/processes.js";
import { errnoNameOf } from "../../src/core/sys/sys-error.js";

/** A stretch of time in which processes may be born whose pids are not known yet. */
export interface Birth {
  /** The process of a pid that has become known: its end, which may already lie behind. */
  claim(pid: number): Promise<ChildExit>;
  /** No more pids will become known. */
  end(): void;
}

/**
 * Waits for every child and orphan of the guest, as the first process must, and tells those that somebody knows of. A
 * container's first process is nobody's but ours once its runtime has exited, and may end before its pid has been read:
 * while a birth is under way the ends of unknown processes are kept.
 */
export class Reaper {
  readonly #processes: Pick<Processes, "wait">;
  readonly #log: Logger;
  readonly #waiting = new Map<number, (exit: ChildExit) => void>();
  readonly #unclaimed = new Map<number, ChildExit>();
  #births = 0;

  constructor(processes: Pick<Processes, "wait">, log: Logger) {
    this.#processes = processes;
    this.#log = log;
  }

  /** Begins to reap; only once, in the process that shall have all orphans. */
  start(): void {
    process.on("SIGCHLD", () => this.reap());
    this.reap();
  }

  /** The end of a child that was just made and cannot have been reaped since. */
  exit(pid: number): Promise<ChildExit> {
    return new Promise((resolve) => this.#waiting.set(pid, resolve));
  }

  birth(): Birth {
    this.#births += 1;
    let open = true;
    return {
      claim: (pid) => {
        const exit = this.#unclaimed.get(pid);
        if (exit === undefined) return this.exit(pid);
        this.#unclaimed.delete(pid);
        return Promise.resolve(exit);
      },
      end: () => {
        if (!open) return;
        open = false;
        this.#births -= 1;
        if (this.#births === 0) this.#unclaimed.clear();
      },
    };
  }

  /** Waits for all that have ended by now. */
  reap(): void {
    for (let exit = this.#next(); exit !== undefined; exit = this.#next()) {
      const tell = this.#waiting.get(exit.pid);
      this.#waiting.delete(exit.pid);
      if (tell !== undefined) tell(exit);
      else if (this.#births > 0) this.#unclaimed.set(exit.pid, exit);
    }
  }

  #next(): ChildExit | undefined {
    try {
      return this.#processes.wait({ any: true });
    } catch (error) {
      if (errnoNameOf(error) !== "ECHILD") this.#log.error("waiting for children", { error: describeError(error) });
      return undefined;
    }
  }
}
