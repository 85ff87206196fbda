import { chmodSync, existsSync, mkdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "../errors/error.js";
import type { Sys } from "../sys/sys.js";

/** A file or directory to be shown in the tree. */
export interface Shown {
  /** `O_PATH` descriptor of it. */
  readonly fd: number;
  readonly directory: boolean;
  readonly readOnly: boolean;
  /** With the mounts below it. */
  readonly recursive: boolean;
}

/**
 * The directory of one sandbox that its guest sees, with two names: below `mounts` sources are bind-mounted, `view` is what
 * the daemon serves. `view` is a read-only slave of `mounts`: a mount made in the one appears in the other, and from there
 * in the daemon's own namespace, however late it is made; the guest can write into what was shared for writing, never into
 * the directories in between, which lie on the host's `/run`.
 *
 * Nothing that is mounted here spreads to other namespaces, and nothing that is unmounted here unmounts a source's own
 * submounts: the tree is private towards the host, and what is bound is a slave of its source.
 */
export class SharedTree {
  readonly directory: string;
  readonly #sys: Sys;

  constructor(sys: Sys, directory: string) {
    this.#sys = sys;
    this.directory = directory;
  }

  get #mounts(): string {
    return join(this.directory, "mounts");
  }

  /** Where a source is mounted that is shown under a name. */
  pathOf(name: string): string {
    return join(this.#mounts, name);
  }

  /** The directory for the daemon to serve. */
  get view(): string {
    return join(this.directory, "view");
  }

  /** Makes the tree, in place of what a crash may have left. */
  async create(): Promise<void> {
    const { mounts } = this.#sys;
    await this.remove();
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    // Created above or not, and whatever the umask: nobody else passes.
    chmodSync(this.directory, 0o700);
    await mounts.bind(this.directory, this.directory);
    await mounts.setPropagation(this.directory, "private");
    for (const directory of [this.#mounts, this.view]) {
      mkdirSync(directory);
      chmodSync(directory, 0o755);
    }
    await mounts.bind(this.#mounts, this.#mounts);
    await mounts.setPropagation(this.#mounts, "shared");
    await mounts.bind(this.#mounts, this.view, { readOnly: true, propagation: "slave" });
  }

  /** Shows a source under a name, which must be free. The source's permissions hold from the first moment. */
  async show(name: string, { fd, directory, readOnly, recursive }: Shown): Promise<void> {
    const { files, mounts, descriptors } = this.#sys;
    const target = directory ? files.mkdirBeneath(this.#mounts, name) : files.touchBeneath(this.#mounts, name);
    try {
      await mounts.bind(fd, target, { recursive, readOnly, propagation: "slave" });
    } finally {
      descriptors.close(target);
    }
  }

  /** Ends what `show` began, also when it failed in the middle; no error when there is nothing. */
  async hide(name: string): Promise<void> {
    const { files, mounts } = this.#sys;
    if (!existsSync(this.#mounts)) return;
    await mounts.unmountBeneath(this.#mounts, name, { detach: true });
    await files.removeTreeBeneath(this.#mounts, name);
    for (let above = dirname(name); above !== "."; above = dirname(above)) {
      if (!removeIfEmpty(join(this.#mounts, above))) return;
    }
  }

  /** Unmounts everything in the tree and removes it; touches nothing outside. No error when there is no tree. */
  async remove(): Promise<void> {
    const { files, mounts } = this.#sys;
    await mounts.unmountTree(this.directory, { detach: true });
    if (!existsSync(dirname(this.directory))) return;
    await files.removeTreeBeneath(dirname(this.directory), this.directory.slice(dirname(this.directory).length + 1));
  }
}

function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
