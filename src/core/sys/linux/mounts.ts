import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { sysErrors } from "../errors.js";
import { MountFlag, perMountFlags } from "../mount-flags.js";
import { type MountOptions, type OciMount, parseMountOptions, type Propagation } from "../mount-options.js";
import { type MountEntry, mountsBelow, parseMountinfo } from "../mountinfo.js";
import type { BindOptions, MountAttributes, MountRequest, Mounts, UnmountOptions } from "../mounts.js";
import { OpenFlag } from "../open-flags.js";
import { relativeOverlay } from "../overlay-options.js";
import type { PathOrFd } from "../path-or-fd.js";
import { errnoNameOf } from "../sys-error.js";
import { withFd } from "./close-fd.js";
import { pathOf } from "./fd-path.js";
import type { Libc } from "./libc.js";
import { bindTree, flagsOfAttributes, setMountAttributes } from "./mount-tree.js";
import { openBeneath } from "./openat2.js";

const mountPrototype = "int mount(str, str, str, ulong, str)";

/** The kernel copies at most a page of options and cuts the rest off silently. */
const dataLimit = 4095;

const propagationFlags: Readonly<Record<Propagation, number>> = {
  shared: MountFlag.shared,
  slave: MountFlag.slave,
  private: MountFlag.private,
  unbindable: MountFlag.unbindable,
};

const detachFlag = 2;
const forceFlag = 1;
const noFollowFlag = 8;

/** How often a tree is looked through in which somebody else moves mount points about. */
const unmountRounds = 8;

/** What a path says in which somebody has put something else in the place of a directory. */
const movedAway = new Set(["ELOOP", "ENOTDIR"]);

/** `Mounts` by mount(2), umount2(2) and the mount API of Linux 5.2 and 5.12. */
export class LinuxMounts implements Mounts {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  async mount({ source, target, type, flags = 0, data = "" }: MountRequest): Promise<void> {
    const length = Buffer.byteLength(data);
    if (length > dataLimit) {
      throw sysErrors.KATA_SYS_MOUNT_DATA_LENGTH({ target: String(target), length, limit: dataLimit });
    }
    await this.#libc.callAsync(mountPrototype, pathOf(source), pathOf(target), type, flags, data);
  }

  async mountOci(mount: OciMount, target: PathOrFd): Promise<void> {
    const options = parseMountOptions(mount.options ?? []);
    if (mount.type === "bind" || (options.flags & MountFlag.bind) !== 0) await this.#bindOci(mount, options, target);
    else await this.#mountFilesystem(mount, options, target);
    const { propagation } = options;
    if (propagation !== undefined) {
      await this.setPropagation(target, propagation.kind, { recursive: propagation.recursive });
    }
  }

  async bind(source: PathOrFd, target: PathOrFd, options: BindOptions = {}): Promise<void> {
    const flags = flagsOfAttributes(options);
    const { recursive = false, propagation } = options;
    const all = recursive ? flags : 0;
    const propagationFlag = propagation === undefined ? 0 : propagationFlags[propagation];
    await bindTree(this.#libc, source, target, { recursive, flags, recursiveFlags: all, propagation: propagationFlag });
  }

  async restrict(target: PathOrFd, attributes: MountAttributes): Promise<void> {
    const flags = flagsOfAttributes(attributes);
    const propagation = attributes.propagation === undefined ? 0 : propagationFlags[attributes.propagation];
    setMountAttributes(this.#libc, target, { flags, propagation, recursive: attributes.recursive === true });
  }

  async move(source: PathOrFd, target: PathOrFd): Promise<void> {
    await this.#libc.callAsync(mountPrototype, pathOf(source), pathOf(target), null, MountFlag.move, null);
  }

  async setPropagation(
    target: PathOrFd,
    propagation: Propagation,
    { recursive = false }: { readonly recursive?: boolean } = {},
  ): Promise<void> {
    const flags = propagationFlags[propagation] | (recursive ? MountFlag.recursive : 0);
    await this.#libc.callAsync(mountPrototype, "none", pathOf(target), null, flags, null);
  }

  async unmount(target: string, { detach = false, force = false }: UnmountOptions = {}): Promise<boolean> {
    const flags = noFollowFlag | (detach ? detachFlag : 0) | (force ? forceFlag : 0);
    try {
      await this.#libc.callAsync("int umount2(str, int)", target, flags);
      return true;
    } catch (error) {
      const errno = errnoNameOf(error);
      if (errno === "ENOENT" || errno === "ENOTDIR") return false;
      // EINVAL is also what a mount gives that a more privileged namespace has locked
      if (errno === "EINVAL" && !this.isMountPoint(target)) return false;
      throw error;
    }
  }

  async unmountBeneath(root: PathOrFd, relative: string, options?: UnmountOptions): Promise<boolean> {
    const name = basename(relative);
    if (name === "" || name === "." || name === "..") {
      throw sysErrors.KATA_SYS_PATH({ path: relative, why: "it must end in the name of what is to be unmounted" });
    }
    let parent: number;
    try {
      parent = openBeneath(this.#libc, root, dirname(relative), OpenFlag.pathOnly | OpenFlag.directory);
    } catch (error) {
      if (errnoNameOf(error) === "ENOENT") return false;
      throw error;
    }
    return withFd(parent, async (fd) => {
      // the parent is pinned, and UMOUNT_NOFOLLOW pins the last component
      const flags =
        noFollowFlag | (options?.detach === true ? detachFlag : 0) | (options?.force === true ? forceFlag : 0);
      try {
        await this.#libc.callAsync("int umount2(str, int)", `${pathOf(fd)}/${name}`, flags);
        return true;
      } catch (error) {
        const errno = errnoNameOf(error);
        if (errno === "ENOENT" || errno === "EINVAL") return false;
        throw error;
      }
    });
  }

  async unmountTree(directory: string, options?: UnmountOptions): Promise<string[]> {
    const unmounted: string[] = [];
    for (let round = 1; ; round++) {
      const { absent, errors } = await this.#unmountListed(directory, options, unmounted);
      if (absent === 0 && errors.length === 0) return unmounted;
      // One that was not found has gone with another, or somebody has moved a directory above it.
      const left = this.below(directory);
      if (left.length === 0) return unmounted;
      if (errors.length === 0 && round < unmountRounds) continue;
      const causes = errors.length > 0 ? errors : left.map((one) => new Error(`${one.mountPoint} is still mounted`));
      throw new AggregateError(causes, `${left.length} mount(s) below ${directory} stayed`);
    }
  }

  list(): MountEntry[] {
    return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  }

  below(directory: string): MountEntry[] {
    return mountsBelow(this.list(), resolve(directory));
  }

  isMountPoint(path: string): boolean {
    const wanted = resolve(path);
    return this.list().some((entry) => entry.mountPoint === wanted);
  }

  /** Unmounts what is listed now, deepest first; how many of it were not where the list has them, and what failed. */
  async #unmountListed(
    directory: string,
    options: UnmountOptions | undefined,
    unmounted: string[],
  ): Promise<{ absent: number; errors: unknown[] }> {
    const depth = (entry: MountEntry): number => entry.mountPoint.split("/").length;
    const deepestFirst = this.below(directory)
      .toReversed()
      .sort((a, b) => depth(b) - depth(a));
    const errors: unknown[] = [];
    let absent = 0;
    for (const { mountPoint } of deepestFirst) {
      try {
        // The kernel lists no links: one that is on the way now was put there since, to have another unmounted.
        if (await this.unmountBeneath("/", mountPoint.slice(1), options)) unmounted.push(mountPoint);
        else absent++;
      } catch (error) {
        if (movedAway.has(errnoNameOf(error) ?? "")) absent++;
        else errors.push(error);
      }
    }
    return { absent, errors };
  }

  async #bindOci(mount: OciMount, options: MountOptions, target: PathOrFd): Promise<void> {
    const { flags, recursiveFlags } = options;
    if ((flags & MountFlag.remount) !== 0) {
      setMountAttributes(this.#libc, target, { flags: flags & perMountFlags, propagation: 0, recursive: false });
      return;
    }
    if (mount.source === undefined || mount.source === "") {
      throw sysErrors.KATA_SYS_MOUNT_OPTION({ option: "bind", why: "a bind mount needs a source" });
    }
    const recursive = (flags & MountFlag.recursive) !== 0;
    const own = flags & perMountFlags;
    await bindTree(this.#libc, mount.source, target, { recursive, flags: own, recursiveFlags, propagation: 0 });
  }

  async #mountFilesystem(mount: OciMount, options: MountOptions, target: PathOrFd): Promise<void> {
    const { flags, data } = options;
    const type = mount.type ?? "";
    const source = mount.source ?? type;
    const short = type === "overlay" && Buffer.byteLength(data) > dataLimit ? relativeOverlay(data) : undefined;
    if (short === undefined) {
      await this.mount({ source, target, type, flags, data });
      return;
    }
    const length = Buffer.byteLength(short.data);
    if (length > dataLimit) {
      throw sysErrors.KATA_SYS_MOUNT_DATA_LENGTH({ target: String(target), length, limit: dataLimit });
    }
    const path = resolve(pathOf(target));
    const before = process.cwd();
    // the working directory is the whole process's: nothing else may run between the two changes
    process.chdir(short.directory);
    try {
      this.#libc.call(mountPrototype, source, path, type, flags, short.data);
    } finally {
      process.chdir(before);
    }
  }
}
