import { type FSWatcher, watch } from "node:fs";
import type { Sys } from "../../../core/sys/sys.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";

/** Milliseconds after a change in which further ones are waited for: the kubelet swaps a volume in several steps. */
const settleTime = 500;

/** Tells, some time after, that something in one of some directories has changed. Holds no process alive. */
export class SourceWatch {
  readonly #sys: Pick<Sys, "files" | "descriptors">;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(sys: Pick<Sys, "files" | "descriptors">, on: { changed: () => void; failed: (error: unknown) => void }) {
    this.#sys = sys;
    this.#changed = on.changed;
    this.#failed = on.failed;
  }

  /** Watches these directories below `root`, and no others any more; one that has gone is left out. */
  set(root: number, directories: readonly string[]): void {
    if (this.#closed) return;
    const former = this.#watchers;
    this.#watchers = [];
    for (const directory of directories) {
      try {
        this.#add(root, directory);
      } catch (error) {
        if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoNameOf(error) ?? "")) this.#failed(error);
      }
    }
    for (const watcher of former) watcher.close();
  }

  /** As if something had changed. */
  look(): void {
    this.#soon();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #add(root: number, directory: string): void {
    const { files, descriptors } = this.#sys;
    const fd = files.openBeneath(root, directory, OpenFlag.pathOnly | OpenFlag.directory);
    try {
      // The directory behind the descriptor is watched, whatever has its name later.
      const watcher = watch(`${files.pathOfFd(fd)}/.`, { persistent: false }, () => this.#soon());
      watcher.on("error", this.#failed);
      this.#watchers.push(watcher);
    } finally {
      descriptors.close(fd);
    }
  }

  #soon(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#changed();
    }, settleTime);
    this.#timer.unref();
  }
}
