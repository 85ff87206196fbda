import type { InheritedCpus } from "../../../core/cgroup/cpu-list.js";
import { CgroupDirectory } from "../../../core/cgroup/directory.js";
import { cgroupErrors } from "../../../core/cgroup/errors.js";
import { type Limit, LimitFiles, type LimitPlace } from "../../../core/cgroup/limit-files.js";
import type { CgroupPath } from "../../../core/cgroup/place.js";
import type { CgroupTree } from "../../../core/cgroup/tree.js";
import type { Cgroup, CgroupRequest } from "../../../core/contracts/cgroup.js";
import type { Logger } from "../../../core/log.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { Hierarchy, V1Controller } from "./hierarchies.js";
import { limitsOf } from "./limits.js";

/** What a cgroup of version 1 is made with. */
export interface CgroupV1Parts extends CgroupRequest {
  readonly hierarchies: readonly Hierarchy[];
  readonly log: Logger;
  /** Milliseconds `remove` waits for processes to end. */
  readonly busyMs?: number;
}

/** One hierarchy with the cgroup in it. */
interface Part {
  readonly controllers: readonly V1Controller[];
  readonly directory: CgroupDirectory;
}

/** What belongs to a process and not to its threads: those hierarchies take a VMM whole. */
const ofProcesses: readonly V1Controller[] = ["memory", "blkio"];
/** What holds for each thread by itself. */
const ofThreads: readonly V1Controller[] = ["cpu", "cpuacct", "cpuset"];

/**
 * A cgroup of version 1: a directory of the same path in the hierarchy of each controller, some of which are mounted
 * together. A new cpuset is empty, and takes no process until it has CPUs and memory: it gets those of the one above.
 */
export class CgroupV1 implements Cgroup {
  readonly #parts: readonly Part[];
  readonly #limits: LimitFiles;
  #inherited: InheritedCpus = { cpus: "", mems: "" };

  constructor(parts: CgroupV1Parts) {
    this.#parts = parts.hierarchies.map(({ controllers, tree }) => ({
      controllers,
      directory: new CgroupDirectory({ ...parts, tree }),
    }));
    this.#limits = new LimitFiles(({ name, choices: [{ file }] }) => {
      parts.log.warn("a limit does not hold: this kernel has no such file", { limit: name, file });
    });
  }

  get directory(): string {
    return this.#parts[0]?.directory.name ?? "";
  }

  async create(): Promise<void> {
    try {
      for (const { controllers, directory } of this.#parts) {
        const inherits = controllers.includes("cpuset");
        await directory.create((level) => (inherits ? this.#inherit(directory.tree, level) : Promise.resolve()));
      }
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  async adopt(): Promise<boolean> {
    if (!this.#parts.every(({ directory }) => directory.adopt())) return false;
    for (const { controllers, directory } of this.#parts) {
      if (!controllers.includes("cpuset")) continue;
      const above = (file: string) => directory.tree.read(directory.path.slice(0, -1), file);
      this.#inherited = { cpus: await above("cpuset.cpus"), mems: await above("cpuset.mems") };
    }
    return true;
  }

  async add(pid: number): Promise<void> {
    await this.#move(this.#parts, "cgroup.procs", pid);
  }

  async addMachine(pid: number): Promise<void> {
    await this.#move(
      this.#parts.filter(({ controllers }) => controllers.some((one) => ofProcesses.includes(one))),
      "cgroup.procs",
      pid,
    );
  }

  async addThreads(tids: readonly number[]): Promise<string | undefined> {
    const parts = this.#parts.filter(
      ({ controllers }) =>
        controllers.some((one) => ofThreads.includes(one)) && !controllers.some((one) => ofProcesses.includes(one)),
    );
    for (const tid of tids) await this.#move(parts, "tasks", tid);
    return parts.length > 0 ? undefined : "this host mounts the controllers of CPU time together with that of memory";
  }

  async update(resources: OciLinuxResources): Promise<void> {
    await this.#limits.apply(limitsOf(resources, this.#inherited), (limit) => this.#placeOf(limit));
  }

  async remove(): Promise<void> {
    const errors: unknown[] = [];
    for (const { directory } of this.#parts) await directory.remove().catch((error: unknown) => errors.push(error));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `removing the cgroup ${this.directory}`);
  }

  /** Gives a cpuset what the one above has, where it has none yet. */
  async #inherit(tree: CgroupTree, level: CgroupPath): Promise<void> {
    const inherited = { cpus: "", mems: "" };
    for (const field of ["cpus", "mems"] as const) {
      const file = `cpuset.${field}`;
      inherited[field] = await tree.read(level, file);
      if (inherited[field] !== "" || level.length === 0) continue;
      inherited[field] = await tree.read(level.slice(0, -1), file);
      await tree.write(level, file, inherited[field]);
    }
    this.#inherited = inherited;
  }

  async #move(parts: readonly Part[], file: string, id: number): Promise<void> {
    for (const { directory } of parts) {
      try {
        await directory.tree.write(directory.path, file, String(id));
      } catch (cause) {
        if (errnoNameOf(cause) === "ESRCH") return;
        const what = `the ${file === "tasks" ? "thread" : "process"} ${id}`;
        throw cgroupErrors.KATA_CGROUP_MOVE({ what, directory: directory.name }, { cause });
      }
    }
  }

  #placeOf({ controller, name: limit }: Limit): LimitPlace {
    const part = this.#parts.find(({ controllers }) => controllers.some((one) => one === controller));
    if (part !== undefined) return { tree: part.directory.tree, path: part.directory.path };
    const there = this.#parts.flatMap(({ controllers }) => controllers);
    const directory = this.directory;
    throw cgroupErrors.KATA_CGROUP_CONTROLLER({ controller, limit, directory, there, reason: "it is not mounted" });
  }
}
