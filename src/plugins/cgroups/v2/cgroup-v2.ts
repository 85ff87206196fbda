import type { InheritedCpus } from "../../../core/cgroup/cpu-list.js";
import { CgroupDirectory } from "../../../core/cgroup/directory.js";
import { cgroupErrors } from "../../../core/cgroup/errors.js";
import { type Limit, LimitFiles, type LimitPlace } from "../../../core/cgroup/limit-files.js";
import type { CgroupPath } from "../../../core/cgroup/place.js";
import type { ScopeUnit } from "../../../core/cgroup/scope-unit.js";
import { type CgroupTree, formatCgroup } from "../../../core/cgroup/tree.js";
import type { Cgroup, CgroupRequest } from "../../../core/contracts/cgroup.js";
import { describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { limitsOf } from "./limits.js";
import { liftedProperties, propertiesOf } from "./unit-properties.js";

/** What limits are kept with. */
const controllers = ["cpuset", "cpu", "io", "memory", "pids"];
/** The threaded cgroup of the threads that run the guest, inside of the sandbox's. */
const threadsName = "vcpus";

/** What a cgroup of version 2 is made with. */
export interface CgroupV2Parts extends CgroupRequest {
  readonly tree: CgroupTree;
  readonly log: Logger;
  /** Milliseconds `remove` waits for processes to end. */
  readonly busyMs?: number;
}

/**
 * A cgroup of version 2, a leaf: a cgroup whose children have controllers holds no processes (the "no internal processes"
 * rule), but for a threaded one, which `addThreads` makes inside; that one keeps the quota of CPU time then. Controllers are
 * enabled on all the way down to it, by systemd where it is a scope.
 */
export class CgroupV2 implements Cgroup {
  readonly #tree: CgroupTree;
  readonly #directory: CgroupDirectory;
  readonly #scope: ScopeUnit | undefined;
  readonly #log: Logger;
  #limits: LimitFiles;
  /** Why a controller could not be enabled, by its name. */
  readonly #refused = new Map<string, string>();
  #available: readonly string[] = [];
  #inherited: InheritedCpus = { cpus: "", mems: "" };
  #threads: CgroupPath | undefined;
  #resources: OciLinuxResources = {};

  constructor(parts: CgroupV2Parts) {
    this.#tree = parts.tree;
    this.#directory = new CgroupDirectory(parts);
    this.#scope = parts.scope;
    this.#log = parts.log;
    this.#limits = this.#noLimits();
  }

  get directory(): string {
    return this.#directory.name;
  }

  async create(): Promise<void> {
    if (this.#scope !== undefined) return this.#scope.create();
    const { path } = this.#directory;
    await this.#directory.create((level) => (level.length < path.length ? this.#enable(level) : this.#look()));
  }

  async adopt(): Promise<boolean> {
    const there = this.#directory.adopt();
    if (this.#scope !== undefined) {
      if (!(await this.#scope.adopt())) return false;
      if (!there || !this.#scope.started) return true;
      this.#directory.take();
    } else if (!there) return false;
    const inside = [...this.#directory.path, threadsName];
    if (this.#tree.has(inside)) {
      this.#threads = inside;
      if (this.#scope !== undefined) this.#directory.take(threadsName);
    }
    await this.#look();
    return true;
  }

  async add(pid: number): Promise<void> {
    if (await this.#begin(pid)) await this.#move(this.#directory.path, "cgroup.procs", pid);
  }

  addMachine(pid: number): Promise<void> {
    return this.add(pid);
  }

  async addThreads(tids: readonly number[]): Promise<string | undefined> {
    if (!this.#available.includes("cpu")) return `${this.directory} has no controller cpu`;
    try {
      this.#threads ??= await this.#makeThreaded();
      for (const tid of tids) await this.#move(this.#threads, "cgroup.threads", tid);
    } catch (error) {
      return describeError(error);
    }
    await this.update(this.#resources);
    return undefined;
  }

  async update(resources: OciLinuxResources): Promise<void> {
    const limits = limitsOf(resources, this.#inherited);
    const properties = propertiesOf(resources, { threadsApart: this.#threads !== undefined });
    if (this.#isThere()) {
      await this.#limits.apply(limits, (limit) => this.#placeOf(limit));
      await this.#scope?.set(properties, liftedProperties);
    }
    this.#resources = resources;
  }

  async remove(): Promise<void> {
    if (this.#scope === undefined) return this.#directory.remove();
    await this.#directory.leave();
    // systemd does not see processes whose threads are elsewhere than in the scope itself, and would take it for empty.
    await this.#directory.removeInside();
    await this.#scope.stop();
    await this.#directory.remove();
    this.#scope.forget();
  }

  #noLimits(): LimitFiles {
    return new LimitFiles(({ name, choices: [{ file }] }) => {
      this.#log.warn("a limit does not hold: this kernel has no such file", { limit: name, file });
    });
  }

  /** Whether there are files: a scope has none before its first process and after its last. */
  #isThere(): boolean {
    return this.#scope === undefined || (this.#scope.started && this.#tree.has(this.#directory.path));
  }

  /** Has a scope made if it is not there; false when that takes a process that runs, and this one does not. */
  async #begin(pid: number): Promise<boolean> {
    if (this.#scope === undefined) return true;
    return this.#scope.begin(pid, {
      isThere: () => this.#tree.has(this.#directory.path),
      before: () => this.#directory.remember(),
      after: async () => {
        this.#directory.take();
        this.#threads = undefined;
        this.#limits = this.#noLimits();
        await this.#look();
        await this.update(this.#resources);
      },
    });
  }

  /** Has the cgroups below one get the controllers that it has itself, as many as the kernel gives. */
  async #enable(level: CgroupPath): Promise<void> {
    const list = async (file: string) => (await this.#tree.read(level, file)).split(" ");
    const [there, on] = [await list("cgroup.controllers"), await list("cgroup.subtree_control")];
    const missing = controllers.filter((one) => there.includes(one) && !on.includes(one));
    if (missing.length === 0) return;
    const enable = (names: readonly string[]) =>
      this.#tree.write(level, "cgroup.subtree_control", names.map((name) => `+${name}`).join(" "));
    try {
      return await enable(missing);
    } catch (error) {
      if (errnoNameOf(error) === undefined || errnoNameOf(error) === "ENOENT") throw error;
    }
    for (const name of missing) {
      await enable([name]).catch((error: unknown) => this.#refused.set(name, this.#whyRefused(level, error)));
    }
  }

  #whyRefused(level: CgroupPath, error: unknown): string {
    const errno = errnoNameOf(error);
    if (errno === undefined) throw error;
    const hint = errno === "EBUSY" ? ": there are processes in it, which must be moved to a cgroup of their own" : "";
    return `${formatCgroup(this.#tree, level)} does not give it to those below (${errno})${hint}`;
  }

  /** Sees what the new cgroup has. Below a threaded one it can only be threaded, and has no memory and no I/O of its own. */
  async #look(): Promise<void> {
    const { path } = this.#directory;
    if ((await this.#tree.read(path, "cgroup.type")) === "domain invalid") {
      await this.#tree.write(path, "cgroup.type", "threaded");
    }
    this.#available = (await this.#tree.read(path, "cgroup.controllers")).split(" ").filter((name) => name !== "");
    if (!this.#available.includes("cpuset")) return;
    const above = (file: string) => this.#tree.read(path.slice(0, -1), file);
    this.#inherited = { cpus: await above("cpuset.cpus.effective"), mems: await above("cpuset.mems.effective") };
  }

  async #makeThreaded(): Promise<CgroupPath> {
    const { path } = this.#directory;
    const inside = await this.#directory.createInside(threadsName);
    if ((await this.#tree.read(inside, "cgroup.type")) !== "threaded") {
      await this.#tree.write(inside, "cgroup.type", "threaded");
    }
    await this.#tree.write(path, "cgroup.subtree_control", "+cpu");
    return inside;
  }

  async #move(path: CgroupPath, file: string, id: number): Promise<void> {
    try {
      await this.#tree.write(path, file, String(id));
    } catch (cause) {
      if (errnoNameOf(cause) === "ESRCH") return;
      const what = `the ${file === "cgroup.threads" ? "thread" : "process"} ${id}`;
      throw cgroupErrors.KATA_CGROUP_MOVE({ what, directory: formatCgroup(this.#tree, path) }, { cause });
    }
  }

  #placeOf({ controller, name: limit, choices: [{ file }] }: Limit): LimitPlace {
    const { path } = this.#directory;
    if (this.#available.includes(controller)) {
      return { tree: this.#tree, path: file === "cpu.max" && this.#threads !== undefined ? this.#threads : path };
    }
    const [directory, there] = [this.directory, this.#available];
    const reason = this.#refused.get(controller);
    throw cgroupErrors.KATA_CGROUP_CONTROLLER({ controller, limit, directory, there, reason });
  }
}
