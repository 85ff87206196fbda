import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Share, ShareRequest } from "../contracts/share-fs.js";
import { messageOf } from "../errors/error.js";
import { makeDirectories } from "../make-directories.js";
import type { SandboxRecord } from "../sandbox/record.js";
import { stateErrors } from "../sandbox/state-errors.js";
import type { Sys } from "../sys/sys.js";
import { errnoNameOf } from "../sys/sys-error.js";
import { shareErrors } from "./errors.js";
import { guestDirectory } from "./guest-share.js";
import { checkShareName } from "./share-name.js";
import { SharedTree } from "./shared-tree.js";
import { kindOfSource, openSource } from "./shared-source.js";

/** What the files of a sandbox are shared with. */
export interface SharedFilesParts {
  readonly sys: Sys;
  readonly record: SandboxRecord;
  /** The sandbox's directory of the shared tree, which may not exist yet. */
  readonly directory: string;
}

/**
 * What is shared with one guest, whoever serves it: the tree, the names in it, and their end. `prepare` once, `close` in any
 * case; between them `share`.
 */
export class SharedFiles {
  readonly #parts: SharedFilesParts;
  readonly #shares = new Map<string, string>();
  readonly #running = new Set<Promise<unknown>>();
  #state: "new" | "prepared" | "closed" = "new";
  #tree: SharedTree | undefined;

  constructor(parts: SharedFilesParts) {
    this.#parts = parts;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Makes the tree, in place of what a crash may have left; the directory that is to be served. */
  async prepare(): Promise<string> {
    if (this.#state !== "new") throw this.#unfit("prepare it again");
    this.#state = "prepared";
    const { sys, record, directory } = this.#parts;
    const tree = new SharedTree(sys, realDirectory(directory));
    record.tree(tree.directory);
    this.#tree = tree;
    await tree.create();
    return tree.view;
  }

  /** What is shared, by name: the state for `adopt`. */
  state(): unknown {
    return [...this.#shares];
  }

  /** Takes over the tree that another process has made, who was killed, and what is shared in it. */
  adopt(state: unknown): void {
    if (this.#state !== "new") throw this.#unfit("take over a tree");
    const { sys, directory } = this.#parts;
    const what = `the shared directory ${directory}`;
    const isShare = (one: unknown): one is [string, string] =>
      Array.isArray(one) && one.length === 2 && one.every((text) => typeof text === "string");
    if (!Array.isArray(state) || !state.every(isShare))
      throw stateErrors.KATA_RECOVER_PART({ what, problem: "its state is not a list of shares" });
    const tree = new SharedTree(sys, realDirectory(directory));
    if (!sys.mounts.list().some(({ mountPoint }) => mountPoint === tree.view))
      throw stateErrors.KATA_RECOVER_PART({ what, problem: `nothing is mounted at ${tree.view}` });
    const mounted = new Set(sys.mounts.below(tree.directory).map(({ mountPoint }) => mountPoint));
    for (const [name, source] of state) {
      this.#checkName(name);
      this.#shares.set(name, source);
      if (mounted.has(tree.pathOf(name))) continue;
      const problem = `nothing is mounted at ${tree.pathOf(name)} any more`;
      throw stateErrors.KATA_RECOVER_PART({ what: `what is shared of ${source}`, problem });
    }
    this.#tree = tree;
    this.#state = "prepared";
  }

  /** What is shared under a name. */
  shared(name: string): Share | undefined {
    return this.#shares.has(name) ? this.#share(name) : undefined;
  }

  /** `KATA_SHARE_STATE` when it was closed meanwhile. */
  assertOpen(): void {
    if (this.isClosed) throw this.#unfit("go on");
  }

  /** See `ShareFs.share`. */
  share(request: ShareRequest): Promise<Share> {
    return this.track(this.#show(request));
  }

  /** Has `close` wait for what runs, which would mount and start things behind its back. */
  async track<T>(doing: Promise<T>): Promise<T> {
    this.#running.add(doing);
    try {
      return await doing;
    } finally {
      this.#running.delete(doing);
    }
  }

  /**
   * Removes everything. `end` ends whoever serves it, and is called before anything is waited for and once more when nothing
   * runs; after an error all else is done, and it may be called again.
   */
  async close(end: () => void | Promise<void>): Promise<void> {
    this.#state = "closed";
    const errors: unknown[] = [];
    const attempt = async (step: () => void | Promise<void>): Promise<void> => {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    };
    await attempt(end);
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const tree = this.#tree;
    if (tree !== undefined) {
      await attempt(end);
      await attempt(() => tree.remove());
      await attempt(() => this.#parts.record.forget(tree.directory));
    }
    if (errors.length > 0) throw new AggregateError(errors, `cleaning up after ${this.#parts.directory}`);
    this.#shares.clear();
    this.#tree = undefined;
  }

  async #show({ name, source, readOnly, recursive = true }: ShareRequest): Promise<Share> {
    const tree = this.#tree;
    if (this.#state !== "prepared" || tree === undefined) throw this.#unfit(`share ${source}`);
    this.#checkName(name);
    this.#shares.set(name, source);
    const { sys } = this.#parts;
    let fd: number | undefined;
    try {
      fd = openSource(sys, source);
      await tree.show(name, { fd, directory: kindOfSource(fd, source) === "directory", readOnly, recursive });
    } catch (error) {
      await this.#release(name);
      const errno = errnoNameOf(error);
      if (errno === undefined) throw error;
      if (errno === "ENOSPC")
        throw shareErrors.KATA_SHARE_SPACE({ source, name, directory: tree.directory }, { cause: error });
      throw shareErrors.KATA_SHARE_MOUNT({ source, name, problem: messageOf(error) }, { cause: error });
    } finally {
      if (fd !== undefined) sys.descriptors.close(fd);
    }
    return this.#share(name);
  }

  #share(name: string): Share {
    let released: Promise<void> | undefined;
    return { guestPath: `${guestDirectory}/${name}`, release: () => (released ??= this.track(this.#release(name))) };
  }

  async #release(name: string): Promise<void> {
    await this.#tree?.hide(name);
    this.#shares.delete(name);
  }

  /** A name that is free, and neither inside of another share nor around one: a target is never made in a source. */
  #checkName(name: string): void {
    checkShareName(name);
    for (const [taken, source] of this.#shares) {
      if (taken === name) throw shareErrors.KATA_SHARE_EXISTS({ name, source });
      if (taken.startsWith(`${name}/`) || name.startsWith(`${taken}/`)) {
        const problem = `${JSON.stringify(taken)} is shared, and one cannot be inside of the other`;
        throw shareErrors.KATA_SHARE_NAME({ name, problem });
      }
    }
  }

  #unfit(what: string): Error {
    return shareErrors.KATA_SHARE_STATE({ what, state: this.#state });
  }
}

/** The same directory without symbolic links on the way, as the kernel lists mounts; its parent is made. */
function realDirectory(directory: string): string {
  makeDirectories(dirname(directory), 0o711);
  return join(realpathSync(dirname(directory)), basename(directory));
}
