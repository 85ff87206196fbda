import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../../src/core/errors/error.js";
import type { Logger } from "../../../src/core/log.js";
import type { ControlGroup } from "../container/cgroup.js";

/** Events kept for a host that does not ask. */
const keptEvents = 256;

/** One container that is watched. */
interface Watched {
  readonly cgroup: ControlGroup;
  readonly watcher: FSWatcher | undefined;
  kills: number;
}

/** Tells which containers lost a process because their memory ran out. Each loss is told to one asker, in order. */
export class OomEvents {
  readonly #log: Logger;
  readonly #watched = new Map<string, Watched>();
  readonly #events: string[] = [];
  readonly #waiting: ((id: string) => void)[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Watches a container's control group. */
  watch(containerId: string, cgroup: ControlGroup): void {
    let watcher: FSWatcher | undefined;
    try {
      watcher = watch(join(cgroup.directory, "memory.events"), { persistent: false }, () => this.check(containerId));
      watcher.on("error", () => this.forget(containerId));
    } catch (error) {
      this.#log.warn("memory events come only with the end of the container", {
        container: containerId,
        error: describeError(error),
      });
    }
    this.#watched.set(containerId, { cgroup, watcher, kills: 0 });
    this.check(containerId);
  }

  /** Looks now. Also called when a process ends, so that the reason is told before the end. */
  check(containerId: string): void {
    const watched = this.#watched.get(containerId);
    const kills = watched?.cgroup.memoryKills();
    if (watched === undefined || kills === undefined || kills <= watched.kills) return;
    watched.kills = kills;
    const tell = this.#waiting.shift();
    if (tell !== undefined) return tell(containerId);
    this.#events.push(containerId);
    if (this.#events.length > keptEvents) this.#events.shift();
  }

  forget(containerId: string): void {
    this.#watched.get(containerId)?.watcher?.close();
    this.#watched.delete(containerId);
  }

  /** The next event; rejects when `signal` aborts, and then takes none. */
  next(signal: AbortSignal): Promise<string> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        const index = this.#waiting.indexOf(tell);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal.reason as Error);
      };
      const tell = (id: string): void => {
        signal.removeEventListener("abort", stop);
        resolve(id);
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.push(tell);
    });
  }
}
