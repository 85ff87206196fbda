import { setTimeout as sleep } from "node:timers/promises";
import type { SandboxRecord } from "../sandbox/record.js";
import { errnoNameOf } from "../sys/sys-error.js";
import { cgroupErrors } from "./errors.js";
import type { CgroupPath, CgroupPlace } from "./place.js";
import { type CgroupTree, formatCgroup } from "./tree.js";

/** Milliseconds that processes which were told to end may take to do so. */
const busyTime = 5_000;
/** How often it is begun again when another sandbox removes a directory above at that moment. */
const attempts = 5;
/** Names of ours that many sandboxes are below: removed by the last one, whoever made them. */
const ownParents = new Set(["kata_sandboxed_pod", "kata_overhead"]);

/** What a cgroup is made with. */
export interface DirectoryParts {
  readonly tree: CgroupTree;
  readonly place: CgroupPlace;
  readonly record: Pick<SandboxRecord, "directories" | "forget" | "shared" | "sharedByOthers">;
  /** Milliseconds `remove` waits for processes to end. */
  readonly busyMs?: number;
}

/** One directory of one hierarchy, with those above it: which of them were made here, and how they are removed again. */
export class CgroupDirectory {
  readonly tree: CgroupTree;
  readonly path: CgroupPath;
  readonly #parts: DirectoryParts;
  /** What was made here, and what another one of ours has made that is in it too, outermost first. */
  #made: CgroupPath[] = [];
  readonly #noted = new Set<string>();
  #origin: CgroupPath | undefined;

  constructor(parts: DirectoryParts) {
    this.tree = parts.tree;
    this.path = parts.place.path;
    this.#parts = parts;
  }

  get name(): string {
    return formatCgroup(this.tree, this.path);
  }

  /** Makes it. `atLevel` is called for the root and each cgroup on the way as soon as it is there, itself the last. */
  async create(atLevel: (path: CgroupPath) => Promise<void>): Promise<void> {
    const { written: path, where } = this.#parts.place;
    this.remember();
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          await this.#make(atLevel);
          break;
        } catch (error) {
          if (errnoNameOf(error) !== "ENOENT" || attempt === attempts) throw error;
        }
      }
    } catch (cause) {
      await this.remove();
      if (errnoNameOf(cause) === undefined) throw cause;
      throw cgroupErrors.KATA_CGROUP_CREATE({ path, where, directory: this.name }, { cause });
    }
  }

  /** Takes what another process has made, whose record says how it is removed; false when it is not there. */
  adopt(): boolean {
    this.remember();
    return this.tree.has(this.path);
  }

  /** Notes where this process is, for when it leaves. */
  remember(): void {
    this.#origin = this.tree.own();
  }

  /** Takes what systemd, or another shim, has made for us: what is left of it at the end is removed here. */
  take(...inside: readonly string[]): void {
    this.#made.push([...this.path, ...inside]);
  }

  /** Makes a cgroup inside of it, to be removed with it. */
  async createInside(name: string): Promise<CgroupPath> {
    const path = [...this.path, name];
    if (!this.tree.has(path)) {
      this.#note([path]);
      if (this.tree.make(path)) this.#made.push(path);
    }
    return path;
  }

  /** This process goes back to where it was, or to the root when that is gone: a cgroup with a process in it stays. */
  async leave(): Promise<void> {
    const own = this.tree.own();
    const inside = own !== undefined && own.length >= this.path.length && this.path.every((name, i) => own[i] === name);
    if (!inside) return;
    const pid = String(process.pid);
    const origin = this.#origin ?? [];
    try {
      await this.tree.write(origin, "cgroup.procs", pid);
    } catch (error) {
      if (origin.length === 0) throw error;
      await this.tree.write([], "cgroup.procs", pid);
    }
  }

  /** Removes what is inside of it, as `remove` does. */
  async removeInside(): Promise<void> {
    const ms = this.#parts.busyMs ?? busyTime;
    const end = performance.now() + ms;
    const inside = this.#made.filter(({ length }) => length > this.path.length);
    for (const path of inside.toReversed()) await this.#removeOwn(path, end, ms);
    this.#made = this.#made.filter((path) => !inside.includes(path));
  }

  /** Idempotent; see `Cgroup.remove`. */
  async remove(): Promise<void> {
    await this.leave();
    const ms = this.#parts.busyMs ?? busyTime;
    const end = performance.now() + ms;
    for (const path of this.#made.toReversed()) {
      if (path.length < this.path.length) this.#removeIfEmpty(path);
      else await this.#removeOwn(path, end, ms);
    }
    this.#made = [];
    for (const noted of this.#noted) this.#parts.record.forget(noted);
    this.#noted.clear();
    const parent = this.path.slice(0, -1);
    if (parent.length === 1 && ownParents.has(parent[0] ?? "")) this.#removeIfEmpty(parent);
  }

  async #make(atLevel: (path: CgroupPath) => Promise<void>): Promise<void> {
    const { tree, path } = this;
    const levels = path.map((_, index) => path.slice(0, index + 1));
    const there = levels.findIndex((level) => !tree.has(level));
    const missing = there < 0 ? [] : levels.slice(there);
    if (missing.length === 0) await this.#assertEmpty();
    const above = levels.filter((level) => level.length < path.length && !missing.includes(level));
    const [names, { record }] = [above.map((level) => formatCgroup(tree, level)), this.#parts];
    // Another cgroup of this sandbox may have made some too; those noted here were taken when this was tried before.
    const own = record.shared(names).filter((one) => !this.#noted.has(one));
    const others = [...record.sharedByOthers(names), ...own];
    const shared = above.filter((level) => others.includes(formatCgroup(tree, level)));
    this.#note([...shared, ...missing]);
    this.#made.push(...shared);
    await atLevel([]);
    for (const level of levels) {
      if (missing.includes(level)) {
        if (tree.make(level)) this.#made.push(level);
        else if (level.length === path.length) await this.#assertEmpty();
        else if (record.sharedByOthers([formatCgroup(tree, level)]).length > 0) this.#made.push(level);
      }
      await atLevel(level);
    }
  }

  #note(paths: readonly CgroupPath[]): void {
    const notes = paths.map((path) => ({
      kind: path.length < this.path.length ? ("shared directory" as const) : ("directory" as const),
      path: formatCgroup(this.tree, path),
    }));
    this.#parts.record.directories(notes);
    for (const { path } of notes) this.#noted.add(path);
  }

  /** One that is there, and that nobody uses, is taken; what another sandbox is in is not. */
  async #assertEmpty(): Promise<void> {
    const holds = await this.#holds(this.path);
    if (holds === undefined) return;
    const { written: path, where } = this.#parts.place;
    throw cgroupErrors.KATA_CGROUP_TAKEN({ path, where, directory: this.name, holds });
  }

  /** What keeps a cgroup from being removed, in words; undefined when nothing does. */
  async #holds(path: CgroupPath): Promise<string | undefined> {
    const children = this.tree.children(path);
    if (children.length > 0) return `the cgroups ${children.slice(0, 5).join(", ")}`;
    const pids = (await this.tree.read(path, "cgroup.procs")).split(/\s+/).filter((pid) => pid !== "");
    return pids.length > 0 ? `the processes ${pids.slice(0, 20).join(", ")}` : undefined;
  }

  async #removeOwn(path: CgroupPath, end: number, ms: number): Promise<void> {
    for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
      try {
        return this.tree.remove(path);
      } catch (cause) {
        const errno = errnoNameOf(cause);
        if (errno === "ENOENT") return;
        if (errno !== "EBUSY" && errno !== "ENOTEMPTY") throw cause;
        if (performance.now() > end) {
          const holds = (await this.#holds(path)) ?? "nothing any more, and is busy";
          throw cgroupErrors.KATA_CGROUP_BUSY({ directory: formatCgroup(this.tree, path), ms, holds }, { cause });
        }
        await this.#removeNested(path);
        await sleep(pause);
      }
    }
  }

  /** What somebody has made in a cgroup of ours goes with it, if nobody is in there. */
  async #removeNested(path: CgroupPath): Promise<void> {
    for (const name of this.tree.children(path)) {
      const inside = [...path, name];
      await this.#removeNested(inside);
      this.#removeIfEmpty(inside);
    }
  }

  /** Other sandboxes may be below: then it is theirs. */
  #removeIfEmpty(path: CgroupPath): void {
    try {
      this.tree.remove(path);
    } catch (error) {
      const errno = errnoNameOf(error);
      if (errno !== "EBUSY" && errno !== "ENOTEMPTY" && errno !== "ENOENT") throw error;
    }
  }
}
