import type { Cgroup, CgroupDriver, CgroupRequest } from "../core/contracts/cgroup.js";
import type { OciLinuxResources } from "../core/oci/spec.js";

/** A cgroup that is nowhere: it notes what it is asked. */
export class FakeCgroup implements Cgroup {
  readonly directory: string;
  /** The calls made, in order: `add 12`. */
  readonly calls: string[] = [];
  /** Rejects the call of that name when set. */
  readonly errors: Record<string, unknown> = {};
  /** What `addThreads` answers. */
  threadsProblem: string | undefined;
  /** Whether systemd is to be asked for it. */
  readonly isScope: boolean;
  /** Limits it has now. */
  limits: OciLinuxResources = {};

  constructor(request: CgroupRequest) {
    this.directory = `/${request.place.path.join("/")}`;
    this.isScope = request.scope !== undefined;
  }

  create(): Promise<void> {
    return this.#called("create");
  }

  async adopt(): Promise<boolean> {
    await this.#called("adopt");
    return true;
  }

  add(pid: number): Promise<void> {
    return this.#called("add", pid);
  }

  addMachine(pid: number): Promise<void> {
    return this.#called("addMachine", pid);
  }

  async addThreads(tids: readonly number[]): Promise<string | undefined> {
    await this.#called("addThreads", ...tids);
    return this.threadsProblem;
  }

  async update(resources: OciLinuxResources): Promise<void> {
    await this.#called("update");
    this.limits = resources;
  }

  remove(): Promise<void> {
    return this.#called("remove");
  }

  async #called(name: string, ...numbers: readonly number[]): Promise<void> {
    this.calls.push([name, ...numbers].join(" "));
    if (this.errors[name] !== undefined) throw this.errors[name];
  }
}

/** A host whose cgroups are `FakeCgroup`s. */
export class FakeCgroupDriver implements CgroupDriver {
  readonly name = "fake";
  /** Those that were opened, by their paths. */
  readonly cgroups = new Map<string, FakeCgroup>();
  /** Applied to each that is opened. */
  prepare: (cgroup: FakeCgroup) => void = () => undefined;
  score = 1;

  match(): number {
    return this.score;
  }

  open(request: CgroupRequest): FakeCgroup {
    const cgroup = new FakeCgroup(request);
    this.prepare(cgroup);
    this.cgroups.set(cgroup.directory, cgroup);
    return cgroup;
  }
}
