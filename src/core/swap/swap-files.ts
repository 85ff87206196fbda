import {
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Resource } from "../contracts/resource.js";
import { codeOf, messageOf } from "../errors/error.js";
import { makeDirectories } from "../make-directories.js";
import type { SandboxRecord } from "../sandbox/record.js";
import type { DiskState } from "../sandbox/state.js";
import type { Sys } from "../sys/sys.js";
import { distrust } from "../trust.js";
import { swapErrors } from "./errors.js";
import { swapHead } from "./swap-head.js";

/** What swap files are made with. */
export interface SwapFilesParts {
  readonly sys: Pick<Sys, "files">;
  readonly record: SandboxRecord;
  /** `guest_swap_path`: the directory of all sandboxes, made when it is missing. */
  readonly root: string;
  /** Names the sandbox's own directory in it; no other sandbox of the machine has the same. */
  readonly name: string;
}

/** A file that is a swap area. */
export interface SwapFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The swap files of one sandbox, in a directory of its own that ends with it: mode 0600, without blocks until the guest writes
 * there. All that the files of all sandboxes may come to need is never more than the file system has.
 */
export class SwapFiles implements Resource<void> {
  readonly name = "swap files";
  readonly #parts: SwapFilesParts;
  readonly #files = new Map<string, number>();
  #directory: string | undefined;
  #made = 0;

  constructor(parts: SwapFilesParts) {
    this.#parts = parts;
  }

  /** Bytes of all. */
  get bytes(): number {
    return [...this.#files.values()].reduce((all, one) => all + one, 0);
  }

  /** `KATA_SWAP_DIRECTORY` when the directory cannot be made, is there already, or when others could change what is in it. */
  async prepare(): Promise<void> {
    const directory = join(this.#realRoot(), this.#parts.name);
    this.#parts.record.tree(directory);
    this.#directory = directory;
    try {
      mkdirSync(directory, 0o700);
    } catch (error) {
      // It is another's, which only its maker removes.
      this.#directory = undefined;
      this.#parts.record.forget(directory);
      throw this.#refused(error);
    }
  }

  /**
   * In the place of `prepare`, for a sandbox that is adopted: those that are disks of its machine are taken over, and are its
   * answer; what else was begun is removed. The directory goes with the sandbox's record.
   */
  takeOver(disks: readonly Pick<DiskState, "path">[]): SwapFile[] {
    const directory = join(this.#realRoot(), this.#parts.name);
    this.#directory = directory;
    const paths = new Set(disks.map(({ path }) => path));
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry);
      this.#made = Math.max(this.#made, Number(/^swap(\d+)$/.exec(entry)?.[1] ?? -1) + 1);
      if (paths.has(path)) this.#files.set(path, lstatSync(path).size);
      else unlinkSync(path);
    }
    return [...this.#files].map(([path, bytes]) => ({ path, bytes }));
  }

  /**
   * Makes one more, of whole pages. `KATA_SWAP_SPACE` when the file system has less than it and what other files may come to
   * need, `KATA_SWAP_DIRECTORY` when it cannot be made; then there is none.
   */
  make(bytes: number): SwapFile {
    const directory = this.#directory;
    if (directory === undefined) throw new Error("a swap file is made before its directory");
    const name = `swap${this.#made++}`;
    const path = join(directory, name);
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    let fd: number;
    try {
      fd = this.#parts.sys.files.openBeneath(directory, name, O_CREAT | O_EXCL | O_RDWR, 0o600);
    } catch (error) {
      throw this.#refused(error);
    }
    try {
      // It counts itself with the others: of two that are made at once at least one sees both.
      fchmodSync(fd, 0o600);
      ftruncateSync(fd, bytes);
      this.#assertRoom(bytes);
      writeSync(fd, swapHead(bytes), 0, undefined, 0);
    } catch (error) {
      unlinkSync(path);
      throw codeOf(error) === "KATA_SWAP_SPACE" ? error : this.#refused(error);
    } finally {
      closeSync(fd);
    }
    this.#files.set(path, bytes);
    return { path, bytes };
  }

  /** Removes one that the machine does not have. */
  remove(path: string): void {
    this.#files.delete(path);
    unlinkSync(path);
  }

  async cleanup(): Promise<void> {
    if (this.#directory === undefined) return;
    const { sys, record, name } = this.#parts;
    await sys.files.removeTreeBeneath(this.#realRoot(), name);
    record.forget(this.#directory);
    this.#directory = undefined;
    this.#files.clear();
  }

  #assertRoom(bytes: number): void {
    const root = this.#realRoot();
    const promised = promisedTo(root);
    const { availableBytes } = this.#parts.sys.files.statfs(root);
    if (promised <= availableBytes) return;
    const others = promised - bytes;
    throw swapErrors.KATA_SWAP_SPACE({ directory: root, bytes, availableBytes, promisedBytes: others });
  }

  /** The directory of all, without links on the way, which nobody else can have changed or change. */
  #realRoot(): string {
    const { root } = this.#parts;
    let problem: string | undefined;
    let real: string;
    try {
      makeDirectories(root, 0o700);
      real = realpathSync(root);
      problem = distrust(real);
    } catch (error) {
      throw this.#refused(error);
    }
    if (problem !== undefined) throw swapErrors.KATA_SWAP_DIRECTORY({ directory: root, problem });
    return real;
  }

  #refused(cause: unknown): Error {
    const { root } = this.#parts;
    return swapErrors.KATA_SWAP_DIRECTORY({ directory: root, problem: messageOf(cause) }, { cause });
  }
}

/** Bytes that the swap files of all sandboxes may come to need beside those that they have. */
function promisedTo(root: string): number {
  let all = 0;
  for (const path of readdirSync(root).map((name) => join(root, name))) {
    for (const file of entriesOf(path)) {
      const stat = lstatSync(join(path, file), { throwIfNoEntry: false });
      if (stat?.isFile() === true) all += Math.max(0, stat.size - stat.blocks * 512);
    }
  }
  return all;
}

/** What is in a sandbox's directory, which may go at any time. */
function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
