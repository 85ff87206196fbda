import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { errnoNumber } from "../../core/sys/errno.js";
import type { Files } from "../../core/sys/files.js";
import type { Inodes } from "../../core/sys/inodes.js";
import type { MountEntry } from "../../core/sys/mountinfo.js";
import { OpenFlag } from "../../core/sys/open-flags.js";
import { withMethods } from "./with-methods.js";

/** Files that a cgroup has by its controllers, with what is in them at first. */
const filesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cpuset: { "cpuset.cpus": "", "cpuset.mems": "", "cpuset.cpus.effective": "0-3", "cpuset.mems.effective": "0" },
  cpu: { "cpu.max": "max 100000", "cpu.weight": "100" },
  io: { "io.max": "", "io.weight": "default 100" },
  memory: { "memory.max": "max", "memory.low": "0", "memory.swap.max": "max" },
  pids: { "pids.max": "max" },
};
const all = Object.keys(filesOf);
const procs = "cgroup.procs";
const control = "cgroup.subtree_control";

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
const nameOf = (name: Uint8Array): string => Buffer.from(name.subarray(0, -1)).toString();
const pathOf = (file: string | number): string =>
  resolve(typeof file === "number" ? readlinkSync(`/proc/self/fd/${file}`) : file);

/**
 * Cgroups of version 2 that are ordinary directories, wherever a file system `cgroup2` is pretended to be mounted: each is born
 * with its files, is not removed while a process or another one is in it, and gives those below the controllers it is told to.
 * What is written counts from the next call on. Processes are real, and leave when they end; nothing limits them.
 */
export class FakeCgroupfs {
  readonly #mounts: readonly MountEntry[];
  /** The cgroup that a process was moved to last. */
  readonly #members = new Map<number, string>();
  /** Files that the kernel acts on, and that may have been written since the last call. */
  readonly #written = new Set<string>();
  /** Controllers that a cgroup gives those below. */
  readonly #enabled = new Map<string, readonly string[]>();
  /** All cgroups there are. */
  readonly #directories = new Set<string>();

  constructor(mounts: readonly MountEntry[]) {
    this.#mounts = mounts;
  }

  /** Makes a hierarchy of an empty directory, which is there. */
  begin(directory: string): void {
    this.#populate(directory, all);
    this.#enable(directory, all);
  }

  files(real: Files): Files {
    return withMethods(real, {
      openBeneath: (root, path, flags, mode) => {
        const file = resolve(pathOf(root), path);
        if (!this.#isInside(file)) return real.openBeneath(root, path, flags, mode);
        this.#settle();
        const writes = (flags & (OpenFlag.write | OpenFlag.readWrite)) !== 0;
        if (writes && [procs, control].some((name) => file.endsWith(`/${name}`))) this.#written.add(file);
        // The kernel's files have what was written last, not the rest of what was longer.
        return real.openBeneath(root, path, writes ? flags | OpenFlag.truncate : flags, mode);
      },
      mkdirBeneath: (root, path, mode) => {
        const fd = real.mkdirBeneath(root, path, mode);
        const base = pathOf(root);
        const levels = path.split("/").map((_, index, parts) => join(base, ...parts.slice(0, index + 1)));
        for (const level of levels) if (this.#isInside(level)) this.#appear(level);
        return fd;
      },
    });
  }

  inodes(real: Inodes): Inodes {
    return withMethods(real, {
      makeDirectory: (directory, name, mode) => {
        const result = real.makeDirectory(directory, name, mode);
        const made = join(pathOf(directory), nameOf(name));
        if (result === 0 && this.#isInside(made)) this.#appear(made);
        return result;
      },
      removeDirectory: (directory, name) => {
        const path = join(pathOf(directory), nameOf(name));
        return this.#isInside(path) && existsSync(path) ? this.#remove(path) : real.removeDirectory(directory, name);
      },
    });
  }

  #isInside(path: string): boolean {
    return this.#mounts.some(({ type, mountPoint }) => {
      if (type !== "cgroup2") return false;
      const below = relative(mountPoint, path);
      return below !== "" && !below.startsWith("..");
    });
  }

  #appear(directory: string): void {
    if (this.#directories.has(directory)) return;
    this.#settle();
    this.#populate(directory, words(readFileSync(join(dirname(directory), control), "utf8")));
  }

  #populate(directory: string, controllers: readonly string[]): void {
    const own = { [procs]: "", "cgroup.threads": "", "cgroup.type": "domain", [control]: "" };
    const files = { ...own, "cgroup.controllers": "" };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    this.#directories.add(directory);
    this.#give(directory, controllers);
  }

  /** Has a cgroup have these controllers. */
  #give(directory: string, controllers: readonly string[]): void {
    writeFileSync(join(directory, "cgroup.controllers"), controllers.join(" "));
    for (const name of controllers) {
      for (const [file, text] of Object.entries(filesOf[name] ?? {})) {
        if (!existsSync(join(directory, file))) writeFileSync(join(directory, file), text);
      }
    }
  }

  #remove(directory: string): number {
    this.#settle();
    const entries = readdirSync(directory, { withFileTypes: true });
    const isBusy = entries.some((entry) => entry.isDirectory()) || this.#inside(directory).length > 0;
    if (isBusy) return -(errnoNumber("EBUSY") ?? 0);
    for (const { name } of entries) unlinkSync(join(directory, name));
    rmdirSync(directory);
    this.#directories.delete(directory);
    return 0;
  }

  /** Processes of a cgroup that have not ended. */
  #inside(directory: string): number[] {
    return [...this.#members].filter(([pid, at]) => at === directory && existsSync(`/proc/${pid}`)).map(([pid]) => pid);
  }

  /** Does what has been asked for by writing. */
  #settle(): void {
    for (const file of this.#written) {
      const directory = dirname(file);
      if (!this.#directories.has(directory)) continue;
      const written = words(readFileSync(file, "utf8"));
      if (file.endsWith(procs)) for (const pid of written) this.#members.set(Number(pid), directory);
      else this.#enable(directory, written);
    }
    this.#written.clear();
    for (const directory of this.#directories) {
      if (!existsSync(directory)) this.#directories.delete(directory);
      else
        writeFileSync(
          join(directory, procs),
          this.#inside(directory)
            .map((pid) => `${pid}\n`)
            .join(""),
        );
    }
  }

  #enable(directory: string, changes: readonly string[]): void {
    const children = [...this.#directories].filter((one) => dirname(one) === directory);
    const before = this.#enabled.get(directory) ?? [];
    const on = new Set(before);
    for (const change of changes) {
      if (change.startsWith("-")) on.delete(change.slice(1));
      else on.add(change.replace(/^\+/, ""));
    }
    this.#enabled.set(directory, [...on]);
    writeFileSync(join(directory, control), [...on].join(" "));
    for (const child of children) this.#give(child, [...on]);
  }
}
