import type { InheritedCpus } from "../../../core/cgroup/cpu-list.js";
import { CgroupDirectory } from "../../../core/cgroup/directory.js";
import { cgroupErrors } from "../../../core/cgroup/errors.js";
import { type Limit, LimitFiles, type LimitPlace } from "../../../core/cgroup/limit-files.js";
import type { CgroupPath } from "../../../core/cgroup/place.js";
import type { ScopeUnit } from "../../../core/cgroup/scope-unit.js";
import { type CgroupTree, formatCgroup } from "../../../core/cgroup/tree.js";
import type { Cgroup, CgroupRequest } from "../../../core/contracts/cgroup.js";
import type { Logger } from "../../../core/log.js";
import { codeOf } from "../../../core/errors/error.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { Hierarchy, V1Controller } from "./hierarchies.js";
import { limitsOf } from "./limits.js";
import { liftedProperties, propertiesOf } from "./unit-properties.js";

/** What a cgroup of version 1 is made with. */
export interface CgroupV1Parts extends CgroupRequest {
  /** With `scope` those that systemd knows processes by, too: they have no controllers. */
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

/** The cgroup inside of a scope. */
const threadsName = "vcpus";
/** Files of limits that are for the threads that run the guest. Shares are among sandboxes. */
const ofGuestAlone = /^cpu(?:\.cfs_|set\.)/;

/** What belongs to a process and not to its threads: those hierarchies take a VMM whole. */
const ofProcesses: readonly V1Controller[] = ["memory", "blkio"];
/** What holds for each thread by itself. */
const ofThreads: readonly V1Controller[] = ["cpu", "cpuacct", "cpuset"];

/**
 * A cgroup of version 1: a directory of the same path in the hierarchy of each controller, some of which are mounted
 * together. A new cpuset is empty, and takes no process until it has CPUs and memory: it gets those of the one above.
 * systemd makes a scope's directories in the hierarchies that it uses, of which that of cpusets is none; the others are ours.
 * All of a VMM is in its scope everywhere, since systemd removes what it takes for empty: its threads that run the guest are in a
 * cgroup inside.
 */
export class CgroupV1 implements Cgroup {
  readonly #all: readonly Part[];
  readonly #scope: ScopeUnit | undefined;
  readonly #log: Logger;
  /** Where it is there. */
  #parts: readonly Part[];
  #limits: LimitFiles;
  #resources: OciLinuxResources = {};
  /** Of a scope, the cgroup inside of it of the threads that run the guest, in hierarchies that are of threads alone. */
  #threads: CgroupPath | undefined;
  #inherited: InheritedCpus = { cpus: "", mems: "" };

  constructor(parts: CgroupV1Parts) {
    this.#all = parts.hierarchies.map(({ controllers, tree }) => ({
      controllers,
      directory: new CgroupDirectory({ ...parts, tree }),
    }));
    this.#parts = this.#all;
    this.#scope = parts.scope;
    this.#log = parts.log;
    this.#limits = this.#noLimits();
  }

  get directory(): string {
    return this.#all[0]?.directory.name ?? "";
  }

  async create(): Promise<void> {
    if (this.#scope !== undefined) return this.#scope.create();
    try {
      for (const part of this.#parts) await this.#make(part);
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  async adopt(): Promise<boolean> {
    const there = this.#all.filter(({ directory }) => directory.adopt());
    if (this.#scope !== undefined) {
      if (!(await this.#scope.adopt())) return false;
      if (!this.#scope.started) return true;
      for (const { directory } of there) directory.take();
      const inside = there.map(({ directory: { path } }) => [...path, threadsName]).at(0);
      const hasInside = ({ directory: { tree } }: Part) => inside !== undefined && tree.has(inside);
      if (there.filter(isOfThreadsAlone).some(hasInside)) this.#threads = inside;
    } else if (there.length < this.#all.length) return false;
    this.#parts = there;
    for (const { controllers, directory } of this.#parts) {
      if (!controllers.includes("cpuset")) continue;
      const above = (file: string) => directory.tree.read(directory.path.slice(0, -1), file);
      this.#inherited = { cpus: await above("cpuset.cpus"), mems: await above("cpuset.mems") };
    }
    return true;
  }

  async add(pid: number): Promise<void> {
    if (await this.#begin(pid)) await this.#move(this.#parts, "cgroup.procs", pid);
  }

  async addMachine(pid: number): Promise<void> {
    if (this.#scope !== undefined) return this.add(pid);
    await this.#move(this.#parts.filter(takesProcesses), "cgroup.procs", pid);
  }

  async addThreads(tids: readonly number[]): Promise<string | undefined> {
    const parts = this.#parts.filter(isOfThreadsAlone);
    if (this.#scope !== undefined && parts.length > 0) await this.#makeInside(parts);
    for (const tid of tids) {
      for (const part of parts) await this.#moveTo(part, this.#threads ?? part.directory.path, "tasks", tid);
    }
    return parts.length > 0 ? undefined : "this host mounts the controllers of CPU time together with that of memory";
  }

  async update(resources: OciLinuxResources): Promise<void> {
    const limits = limitsOf(resources, this.#inherited);
    if (this.#isThere()) {
      await this.#limits.apply(limits, (limit) => this.#placeOf(limit));
      const threadsApart = this.#threads !== undefined;
      await this.#scope?.set(propertiesOf(resources, { threadsApart }), liftedProperties);
    }
    this.#resources = resources;
  }

  async remove(): Promise<void> {
    const errors: unknown[] = [];
    const attempt = async (act: Promise<void> | undefined): Promise<void> => {
      await act?.catch((error: unknown) => errors.push(error));
    };
    if (this.#scope !== undefined) for (const { directory } of this.#all) await attempt(directory.leave());
    await attempt(this.#scope?.stop());
    // Side by side: processes that do not end are waited for once.
    await Promise.all(this.#all.map(({ directory }) => attempt(directory.remove())));
    if (errors.length === 0) this.#scope?.forget();
    const [first] = errors;
    const isSame = errors.every((error) => codeOf(error) !== undefined && codeOf(error) === codeOf(first));
    if (errors.length === 1 || (errors.length > 0 && isSame)) throw first;
    if (errors.length > 1) throw new AggregateError(errors, `removing the cgroup ${this.directory}`);
  }

  #noLimits(): LimitFiles {
    return new LimitFiles(({ name, choices: [{ file }] }) => {
      this.#log.warn("a limit does not hold: this kernel has no such file", { limit: name, file });
    });
  }

  /** Whether there are files: a scope has none before its first process and after its last. */
  #isThere(): boolean {
    if (this.#scope === undefined) return true;
    return this.#scope.started && this.#all[0] !== undefined && isThere(this.#all[0]);
  }

  /** Has a scope made if it is not there; false when that takes a process that runs, and this one does not. */
  async #begin(pid: number): Promise<boolean> {
    if (this.#scope === undefined) return true;
    return this.#scope.begin(pid, {
      isThere: () => this.#isThere(),
      before: () => {
        for (const { directory } of this.#all) directory.remember();
      },
      after: async () => {
        this.#limits = this.#noLimits();
        this.#threads = undefined;
        const [made, missing] = [this.#all.filter(isThere), this.#all.filter((part) => !isThere(part))];
        for (const { directory } of made) directory.take();
        const own = missing.filter(({ controllers }) => controllers.length > 0);
        for (const part of own) await this.#make(part);
        this.#parts = this.#all.filter((part) => made.includes(part) || own.includes(part));
        await this.update(this.#resources);
      },
    });
  }

  async #makeInside(parts: readonly Part[]): Promise<void> {
    if (this.#threads !== undefined) return;
    for (const { controllers, directory } of parts) {
      const inside = await directory.createInside(threadsName);
      if (controllers.includes("cpuset")) await this.#inherit(directory.tree, inside);
      this.#threads = inside;
    }
    await this.update(this.#resources);
  }

  #make({ controllers, directory }: Part): Promise<void> {
    const inherits = controllers.includes("cpuset");
    return directory.create((level) => (inherits ? this.#inherit(directory.tree, level) : Promise.resolve()));
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
    for (const part of parts) await this.#moveTo(part, part.directory.path, file, id);
  }

  async #moveTo({ directory: { tree } }: Part, path: CgroupPath, file: string, id: number): Promise<void> {
    try {
      await tree.write(path, file, String(id));
    } catch (cause) {
      if (errnoNameOf(cause) === "ESRCH") return;
      const what = `the ${file === "tasks" ? "thread" : "process"} ${id}`;
      throw cgroupErrors.KATA_CGROUP_MOVE({ what, directory: formatCgroup(tree, path) }, { cause });
    }
  }

  #placeOf({ controller, name: limit, choices: [{ file }] }: Limit): LimitPlace {
    const part = this.#parts.find(({ controllers }) => controllers.some((one) => one === controller));
    if (part !== undefined) {
      const { tree, path } = part.directory;
      return { tree, path: ofGuestAlone.test(file) && isOfThreadsAlone(part) ? (this.#threads ?? path) : path };
    }
    const there = this.#parts.flatMap(({ controllers }) => controllers);
    const directory = this.directory;
    throw cgroupErrors.KATA_CGROUP_CONTROLLER({ controller, limit, directory, there, reason: "it is not mounted" });
  }
}

const isThere = ({ directory: { tree, path } }: Part): boolean => tree.has(path);

/** Hierarchies without controllers are those by which systemd knows its processes. */
const takesProcesses = ({ controllers }: Part): boolean =>
  controllers.length === 0 || controllers.some((one) => ofProcesses.includes(one));

const isOfThreadsAlone = (part: Part): boolean =>
  !takesProcesses(part) && part.controllers.some((one) => ofThreads.includes(one));
