import { close, readdirSync, readFile, readFileSync, write } from "node:fs";
import { promisify } from "node:util";
import { errnoNameOf, SysError } from "../sys/sys-error.js";
import type { MountEntry } from "../sys/mountinfo.js";
import { OpenFlag } from "../sys/open-flags.js";
import { errnoName } from "../sys/errno.js";
import type { Sys } from "../sys/sys.js";
import type { CgroupPath } from "./place.js";
import type { CgroupTree } from "./tree.js";

const writeOnce = promisify(write);
const readAll = promisify(readFile);
const closeLater = promisify(close);

/** Permissions of a cgroup, as runc and systemd give them. */
const mode = 0o755;

/** What is told of a hierarchy's mount. */
export type CgroupMount = Pick<MountEntry, "mountPoint" | "root">;

/** A hierarchy that is mounted. `ownLine` finds this process's line in `/proc/self/cgroup` by its list of controllers. */
export class MountedTree implements CgroupTree {
  readonly root: string;
  readonly #sys: Pick<Sys, "files" | "inodes">;
  readonly #mount: CgroupMount;
  readonly #ownLine: (controllers: string) => boolean;

  constructor(sys: Pick<Sys, "files" | "inodes">, mount: CgroupMount, ownLine: (controllers: string) => boolean) {
    this.root = mount.mountPoint;
    this.#sys = sys;
    this.#mount = mount;
    this.#ownLine = ownLine;
  }

  make(path: CgroupPath): boolean {
    const result = this.#inParent(path, (fd, name) => this.#sys.inodes.makeDirectory(fd, name, mode));
    if (result === 0) return true;
    if (errnoName(-result) === "EEXIST") return false;
    throw this.#error("mkdir", path, -result);
  }

  has(path: CgroupPath): boolean {
    try {
      this.#with(path, () => undefined);
      return true;
    } catch (error) {
      if (errnoNameOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  children(path: CgroupPath): readonly string[] {
    return this.#with(path, (fd) =>
      readdirSync(this.#sys.files.pathOfFd(fd), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name),
    );
  }

  async read(path: CgroupPath, file: string): Promise<string> {
    const fd = this.#open([...path, file], OpenFlag.read);
    try {
      return (await readAll(fd, "utf8")).trimEnd();
    } finally {
      await closeLater(fd);
    }
  }

  async write(path: CgroupPath, file: string, text: string): Promise<void> {
    const fd = this.#open([...path, file], OpenFlag.write);
    try {
      await writeOnce(fd, text);
    } finally {
      await closeLater(fd);
    }
  }

  remove(path: CgroupPath): void {
    const result = this.#inParent(path, (fd, name) => this.#sys.inodes.removeDirectory(fd, name));
    if (result < 0) throw this.#error("rmdir", path, -result);
  }

  own(): CgroupPath | undefined {
    for (const line of readFileSync("/proc/self/cgroup", "utf8").split("\n")) {
      const [, controllers, ...rest] = line.split(":");
      if (controllers === undefined || !this.#ownLine(controllers)) continue;
      const names = (path: string) => path.split("/").filter((name) => name !== "");
      const [own, mounted] = [names(rest.join(":")), names(this.#mount.root)];
      const inside = mounted.every((name, index) => own[index] === name) && !own.includes("..");
      return inside ? own.slice(mounted.length) : undefined;
    }
    return undefined;
  }

  #inParent(path: CgroupPath, act: (fd: number, name: Uint8Array) => number): number {
    return this.#with(path.slice(0, -1), (fd) => act(fd, Buffer.from(`${path.at(-1) ?? ""}\0`)));
  }

  #with<T>(path: CgroupPath, act: (fd: number) => T): T {
    const fd = this.#open(path, OpenFlag.read | OpenFlag.directory);
    try {
      return act(fd);
    } finally {
      this.#sys.inodes.close(fd);
    }
  }

  #open(path: CgroupPath, flags: number): number {
    return this.#sys.files.openBeneath(this.root, path.join("/"), flags);
  }

  #error(call: string, path: CgroupPath, errno: number): SysError {
    return new SysError(call, [[this.root, ...path].join("/")], errno, errnoName(errno));
  }
}
