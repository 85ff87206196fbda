import { readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { errnoNumber } from "../../core/sys/errno.js";
import { type MountEntry, mountsBelow } from "../../core/sys/mountinfo.js";
import { MountFlag } from "../../core/sys/mount-flags.js";
import { type OciMount, parseMountOptions, type Propagation } from "../../core/sys/mount-options.js";
import type { BindOptions, MountAttributes, MountRequest, Mounts, UnmountOptions } from "../../core/sys/mounts.js";
import type { PathOrFd } from "../../core/sys/path-or-fd.js";
import { SysError } from "../../core/sys/sys-error.js";

const firstId = 1000;

const nameOf = (file: PathOrFd): string =>
  resolve(typeof file === "number" ? readlinkSync(`/proc/self/fd/${file}`) : file);

const optionsOfFlags = (flags: number): string[] => [
  (flags & MountFlag.readOnly) !== 0 ? "ro" : "rw",
  ...((flags & MountFlag.noSuid) !== 0 ? ["nosuid"] : []),
  ...((flags & MountFlag.noDev) !== 0 ? ["nodev"] : []),
  ...((flags & MountFlag.noExec) !== 0 ? ["noexec"] : []),
];

const optionsOfAttributes = (attributes: MountAttributes): string[] =>
  optionsOfFlags(
    (attributes.readOnly === true ? MountFlag.readOnly : 0) |
      (attributes.noSuid === true ? MountFlag.noSuid : 0) |
      (attributes.noDev === true ? MountFlag.noDev : 0) |
      (attributes.noExec === true ? MountFlag.noExec : 0),
  );

/** A mount table in memory that acts like the kernel's, as far as code under test can tell. */
export class FakeMounts implements Mounts {
  readonly table: MountEntry[] = [];
  #nextId = firstId;

  async mount({ source, target, type, flags = 0, data = "" }: MountRequest): Promise<void> {
    const name = typeof source === "number" ? nameOf(source) : source;
    this.#add({ mountPoint: nameOf(target), type, source: name, options: optionsOfFlags(flags), data });
  }

  async mountOci(mount: OciMount, target: PathOrFd): Promise<void> {
    const { flags, data, propagation } = parseMountOptions(mount.options ?? []);
    const options = optionsOfFlags(flags);
    const bind = mount.type === "bind" || (flags & MountFlag.bind) !== 0;
    const type = bind ? "bind" : (mount.type ?? "");
    this.#add({ mountPoint: nameOf(target), type, source: mount.source ?? type, options, data });
    if (propagation !== undefined) await this.setPropagation(target, propagation.kind);
  }

  async bind(source: PathOrFd, target: PathOrFd, options: BindOptions = {}): Promise<void> {
    const from = nameOf(source);
    const to = nameOf(target);
    this.#add({ mountPoint: to, type: "bind", source: from, options: optionsOfAttributes(options), data: "" });
    if (options.propagation !== undefined) await this.setPropagation(target, options.propagation);
  }

  async restrict(target: PathOrFd, attributes: MountAttributes): Promise<void> {
    const added = optionsOfAttributes(attributes).filter((option) => option !== "rw");
    this.#change(target, "mount_setattr", (entry) => {
      const kept = added.includes("ro") ? entry.options.filter((option) => option !== "rw") : entry.options;
      return { ...entry, options: [...new Set([...kept, ...added])] };
    });
  }

  async move(source: PathOrFd, target: PathOrFd): Promise<void> {
    this.#change(source, "mount", (entry) => ({ ...entry, mountPoint: nameOf(target) }));
  }

  async setPropagation(target: PathOrFd, propagation: Propagation): Promise<void> {
    this.#change(target, "mount", ({ sharedGroup, masterGroup, ...entry }) => {
      if (propagation === "shared") return { ...entry, sharedGroup: sharedGroup ?? entry.id };
      if (propagation === "slave") return { ...entry, masterGroup: masterGroup ?? sharedGroup ?? entry.id };
      return entry;
    });
  }

  async unmount(target: string, { detach = false }: UnmountOptions = {}): Promise<boolean> {
    const path = nameOf(target);
    const index = this.table.findLastIndex((entry) => entry.mountPoint === path);
    if (index < 0) return false;
    const below = this.below(path).filter((entry) => entry.mountPoint !== path);
    if (below.length > 0 && !detach) throw this.#refuse("umount2", path, "EBUSY");
    this.table.splice(index, 1);
    for (const entry of below) this.table.splice(this.table.indexOf(entry), 1);
    return true;
  }

  unmountBeneath(root: PathOrFd, relative: string, options?: UnmountOptions): Promise<boolean> {
    return this.unmount(`${nameOf(root)}/${relative}`, options);
  }

  async unmountTree(directory: string, options?: UnmountOptions): Promise<string[]> {
    const unmounted: string[] = [];
    for (const { mountPoint } of this.below(directory).toReversed()) {
      if (await this.unmount(mountPoint, options)) unmounted.push(mountPoint);
    }
    return unmounted;
  }

  list(): MountEntry[] {
    return [...this.table];
  }

  below(directory: string): MountEntry[] {
    return mountsBelow(this.table, resolve(directory));
  }

  isMountPoint(path: string): boolean {
    return this.table.some((entry) => entry.mountPoint === resolve(path));
  }

  #add(mount: Pick<MountEntry, "mountPoint" | "type" | "source" | "options"> & { readonly data: string }): void {
    const { data, ...entry } = mount;
    const superOptions = data === "" ? [] : data.split(",");
    this.table.push({ id: this.#nextId++, parentId: 1, major: 0, minor: 99, root: "/", superOptions, ...entry });
  }

  #change(target: PathOrFd, call: string, change: (entry: MountEntry) => MountEntry): void {
    const path = nameOf(target);
    const index = this.table.findLastIndex((entry) => entry.mountPoint === path);
    const entry = this.table[index];
    if (entry === undefined) throw this.#refuse(call, path, "EINVAL");
    this.table[index] = change(entry);
  }

  #refuse(call: string, path: string, errno: string): SysError {
    return new SysError(`fake ${call}`, [path], errnoNumber(errno) ?? 0, errno);
  }
}
