import { statfsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Deadline } from "../../deadline.js";
import { errnoNumber } from "../errno.js";
import { sysErrors } from "../errors.js";
import type { FileLock, FileRange, FilesystemInfo, Files, NodeKind, OpenHow } from "../files.js";
import { OpenFlag } from "../open-flags.js";
import type { PathOrFd } from "../path-or-fd.js";
import { errnoNameOf } from "../sys-error.js";
import { syncDirectory, writeFileAtomic } from "./atomic-file.js";
import { closeFd, withFd, withFdSync } from "./close-fd.js";
import { pathOf, pathOfFd } from "./fd-path.js";
import { lockFile, tryLockFile } from "./file-lock.js";
import type { Libc } from "./libc.js";
import { openat2, openBeneath } from "./openat2.js";
import { removeTree } from "./remove-tree.js";

const nodeTypes: Readonly<Record<NodeKind, number>> = {
  fifo: 0o010000,
  character: 0o020000,
  block: 0o060000,
  regular: 0o100000,
  socket: 0o140000,
};

const seekPrototype = "int64_t lseek(int, int64_t, int)";
const seekData = 3;
const seekHole = 4;
const noMoreData = errnoNumber("ENXIO") ?? 6;
const fallocatePrototype = "int fallocate(int, int, int64_t, int64_t)";
const keepSize = 0x01;
const punchHole = 0x02;
const zeroRange = 0x10;

/** A path's levels; `..` is refused, since going up and down again is not one place. */
function levelsOf(relative: string): string[] {
  const levels = relative.split("/").filter((level) => level !== "" && level !== ".");
  if (relative.startsWith("/") || levels.includes("..")) {
    throw sysErrors.KATA_SYS_PATH({ path: relative, why: "it must be relative and without `..`" });
  }
  return levels;
}

/** glibc's encoding of a device number. */
function deviceNumber({ major, minor }: { readonly major: number; readonly minor: number }): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** `Files` by openat2(2) and the *at calls. */
export class LinuxFiles implements Files {
  readonly syncDirectory = syncDirectory;
  readonly writeFileAtomic = writeFileAtomic;
  readonly pathOfFd = pathOfFd;
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  openat2(directory: PathOrFd, path: string, how: OpenHow): number {
    return openat2(this.#libc, directory, path, how);
  }

  openBeneath(root: PathOrFd, relative: string, flags: number, mode?: number): number {
    return openBeneath(this.#libc, root, relative, flags, mode);
  }

  openInRoot(root: PathOrFd, path: string, flags: number, mode = 0o666): number {
    return openat2(this.#libc, root, path, { flags, mode, resolve: { inRoot: true, noMagicLinks: true } });
  }

  mkdirBeneath(root: PathOrFd, relative: string, mode = 0o755): number {
    const levels = levelsOf(relative);
    let current = openBeneath(this.#libc, root, ".", OpenFlag.pathOnly | OpenFlag.directory);
    try {
      for (const level of levels) {
        try {
          this.#libc.call("int mkdirat(int, str, uint)", current, level, mode);
        } catch (error) {
          if (errnoNameOf(error) !== "EEXIST") throw error;
        }
        const next = openBeneath(this.#libc, current, level, OpenFlag.pathOnly | OpenFlag.directory);
        closeFd(current);
        current = next;
      }
      return current;
    } catch (error) {
      closeFd(current);
      throw error;
    }
  }

  touchBeneath(root: PathOrFd, relative: string, mode = 0o644): number {
    const name = levelsOf(relative).at(-1);
    if (name === undefined) throw sysErrors.KATA_SYS_PATH({ path: relative, why: "it names no file" });
    return withFdSync(this.mkdirBeneath(root, dirname(relative)), (parent) => {
      try {
        closeFd(this.openBeneath(parent, name, OpenFlag.create | OpenFlag.exclusive | OpenFlag.write, mode));
      } catch (error) {
        if (errnoNameOf(error) !== "EEXIST") throw error;
      }
      return this.openBeneath(parent, name, OpenFlag.pathOnly);
    });
  }

  writeAttribute(path: string, text: string): void {
    writeFileSync(path, text);
  }

  async removeTreeBeneath(root: PathOrFd, relative: string): Promise<void> {
    const levels = levelsOf(relative);
    const name = levels.at(-1);
    if (name === undefined) throw sysErrors.KATA_SYS_PATH({ path: relative, why: "it is the root itself" });
    let parent: number;
    try {
      const above = levels.slice(0, -1).join("/");
      const resolve = { beneath: true, noSymlinks: true, noMagicLinks: true, noCrossing: true };
      parent = this.openat2(root, above === "" ? "." : above, {
        flags: OpenFlag.pathOnly | OpenFlag.directory,
        resolve,
      });
    } catch (error) {
      if (errnoNameOf(error) === "ENOENT") return;
      throw error;
    }
    const shown = `${typeof root === "string" ? root : pathOfFd(root)}/${relative}`;
    await withFd(parent, (fd) => removeTree(this.#libc, fd, name, shown));
  }

  lock(path: string, deadline: Deadline, options: { readonly shared?: boolean } = {}): Promise<FileLock> {
    return lockFile(this.#libc, path, deadline, options.shared === true);
  }

  tryLock(path: string, options: { readonly shared?: boolean } = {}): FileLock | undefined {
    return tryLockFile(this.#libc, path, options.shared === true);
  }

  statfs(file: PathOrFd): FilesystemInfo {
    const info = statfsSync(pathOf(file));
    return {
      type: info.type,
      blockSize: info.bsize,
      totalBytes: info.blocks * info.bsize,
      freeBytes: info.bfree * info.bsize,
      availableBytes: info.bavail * info.bsize,
      totalFiles: info.files,
      freeFiles: info.ffree,
    };
  }

  mknod(path: string, kind: NodeKind, mode: number, device = { major: 0, minor: 0 }): void {
    this.#libc.call("int mknod(str, uint, uint64_t)", path, nodeTypes[kind] | mode, deviceNumber(device));
  }

  allocate(fd: number, offset: number, length: number): void {
    this.#libc.call(fallocatePrototype, fd, 0, offset, length);
  }

  punchHole(fd: number, offset: number, length: number): void {
    this.#libc.call(fallocatePrototype, fd, keepSize | punchHole, offset, length);
  }

  dataRanges(fd: number): FileRange[] {
    const ranges: FileRange[] = [];
    for (let at = 0; ; ) {
      const offset = this.#libc.attempt(seekPrototype, fd, at, seekData);
      if (offset === -noMoreData) return ranges;
      if (offset < 0) throw this.#libc.error("lseek", [fd, at, seekData], -offset);
      // There is a hole at the end of every file.
      at = this.#libc.call(seekPrototype, fd, offset, seekHole);
      ranges.push({ offset, length: at - offset });
    }
  }

  async zeroRange(
    fd: number,
    offset: number,
    length: number,
    options: { readonly deallocate: boolean },
  ): Promise<void> {
    const mode = keepSize | (options.deallocate ? punchHole : zeroRange);
    await this.#libc.callAsync(fallocatePrototype, fd, mode, offset, length);
  }
}
