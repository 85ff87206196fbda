import { mkdirSync, readdirSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../errors/error.js";
import { makeDirectories } from "../make-directories.js";
import { MountFlag } from "../sys/mount-flags.js";
import type { Sys } from "../sys/sys.js";
import { templateErrors } from "./errors.js";

/** Where a template is: a file system in memory of its own, which nobody but this user can look into. */
export class TemplateDirectory {
  readonly path: string;
  readonly #mounts: Sys["mounts"];

  constructor({ mounts }: Pick<Sys, "mounts">, path: string) {
    this.path = path;
    this.#mounts = mounts;
  }

  /** Whether there is one. */
  get there(): boolean {
    return this.#mounts.isMountPoint(this.path);
  }

  /** Makes it, for so many bytes, and its directory when there is none. `KATA_TEMPLATE_EXISTS` when anything is there. */
  async make(bytes: number): Promise<void> {
    const { path } = this;
    makeDirectories(dirname(path), 0o711);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw cause;
      if (this.there || readdirSync(path).length > 0) throw templateErrors.KATA_TEMPLATE_EXISTS({ path }, { cause });
    }
    const flags = MountFlag.noSuid | MountFlag.noDev | MountFlag.noExec;
    const data = `mode=0700,size=${bytes}`;
    await this.#mounts.mount({ source: "kata-ts-template", target: path, type: "tmpfs", flags, data });
  }

  /**
   * Removes it with all in it, and its directory; whether there was one. Machines that go on from it keep what they have of
   * it: the memory is given back with the last of them.
   */
  async remove(): Promise<boolean> {
    const { path } = this;
    const removed = await this.#mounts.unmount(path, { detach: true });
    await rmdir(path).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
    return removed;
  }
}
