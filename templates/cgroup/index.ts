/** Cgroups of version 2 made with nothing but files, for hosts that leave a part of the hierarchy to us. */
import { closeSync, constants, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cgroup, CgroupRequest, OciLinuxResources, Plugin, StandardSchema, Sys } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-cgroup-example", validate: () => ({ value: undefined }) },
};

/** Milliseconds that processes which were told to end may take to do so. */
const busyMs = 1_000;
const controllers = ["cpu", "memory", "pids"];

/** Files of the limits that are kept: with what is asked for, or with what lifts it. */
const limitFiles: Readonly<Record<string, (limits: OciLinuxResources) => string>> = {
  "cpu.max": ({ cpu }) => ((cpu?.quota ?? 0) > 0 ? `${cpu?.quota} ${cpu?.period ?? 100_000}` : "max"),
  "memory.max": ({ memory }) => ((memory?.limit ?? 0) > 0 ? String(memory?.limit) : "max"),
  "pids.max": ({ pids }) => ((pids?.limit ?? 0) > 0 ? String(pids?.limit) : "max"),
};

const failure = (code: string, status: string, message: string) =>
  Object.assign(new Error(message), { code: `EXAMPLE_${code}`, status });

/** Whether a call of the kernel failed for one of these reasons; any other failure is thrown. */
function failedWith(error: unknown, ...reasons: readonly string[]): true {
  if (error instanceof Error && reasons.some((reason) => error.message.includes(reason))) return true;
  throw error;
}

class FileCgroup implements Cgroup {
  readonly directory: string;
  readonly #made: string[] = [];
  #origin: string | undefined;

  constructor(
    readonly sys: Pick<Sys, "files" | "inodes">,
    readonly root: string,
    readonly request: CgroupRequest,
  ) {
    this.directory = join(root, ...request.place.path);
  }

  async create(): Promise<void> {
    const { record, place } = this.request;
    const levels = place.path.map((_, index) => place.path.slice(0, index + 1).join("/"));
    const isShared = (level: string): boolean =>
      [...record.shared([this.#at(level)]), ...record.sharedByOthers([this.#at(level)])].length > 0;
    const own = levels.filter((level) => !this.#has(level) || isShared(level));
    if (own.length === 0 && this.#pids().length > 0) {
      throw failure("TAKEN", "ALREADY_EXISTS", `the cgroup ${this.directory} is there, with processes in it`);
    }
    // What a crash would leave is noted first. Those above the last are shared with other sandboxes.
    const kindOf = (level: string) => (level === levels.at(-1) ? "directory" : "shared directory");
    record.directories(own.map((level) => ({ kind: kindOf(level), path: this.#at(level) })));
    this.#made.push(...own);
    try {
      for (const [index, level] of levels.entries()) {
        const above = levels[index - 1] ?? ".";
        this.#write(`${above}/cgroup.subtree_control`, controllers.map((name) => `+${name}`).join(" "));
        closeSync(this.sys.files.mkdirBeneath(this.root, level, 0o755));
      }
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  async adopt(): Promise<boolean> {
    return this.#has(this.#path);
  }

  async add(pid: number): Promise<void> {
    if (pid === process.pid) this.#origin = /^0::\/?(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
    try {
      this.#write(`${this.#path}/cgroup.procs`, String(pid));
    } catch (error) {
      failedWith(error, "ESRCH");
    }
  }

  addMachine(pid: number): Promise<void> {
    return this.add(pid);
  }

  async addThreads(): Promise<string> {
    return "threads are not put apart by the plugin cgroup/example";
  }

  async update(limits: OciLinuxResources): Promise<void> {
    for (const [file, textOf] of Object.entries(limitFiles)) this.#write(`${this.#path}/${file}`, textOf(limits));
  }

  async remove(): Promise<void> {
    if (this.#origin !== undefined) this.#write(`${this.#origin || "."}/cgroup.procs`, String(process.pid));
    this.#origin = undefined;
    const end = performance.now() + busyMs;
    while (this.#made.length > 0 && this.#rmdir(this.#path) === "EBUSY") {
      if (performance.now() > end) {
        const message = `the cgroup ${this.directory} is in use by ${this.#pids().join(", ")}`;
        throw failure("BUSY", "FAILED_PRECONDITION", message);
      }
      await sleep(20);
    }
    // Others may be in those above, who have noted them too.
    for (const level of this.#made.splice(0).toReversed()) {
      this.#rmdir(level);
      this.request.record.forget(this.#at(level));
    }
  }

  get #path(): string {
    return this.request.place.path.join("/");
  }

  #at(level: string): string {
    return join(this.root, level);
  }

  #with<T>(path: string, flags: number, act: (fd: number) => T): T {
    // No link is followed on the way, and none leads out.
    const fd = this.sys.files.openBeneath(this.root, path, flags);
    try {
      return act(fd);
    } finally {
      closeSync(fd);
    }
  }

  #has(level: string): boolean {
    try {
      return this.#with(level, constants.O_DIRECTORY, () => true);
    } catch (error) {
      return !failedWith(error, "ENOENT");
    }
  }

  #pids(): string[] {
    const text = this.#with(`${this.#path}/cgroup.procs`, constants.O_RDONLY, (fd) => readFileSync(fd, "utf8"));
    return text.split("\n").filter((pid) => pid !== "");
  }

  #write(path: string, text: string): void {
    this.#with(path, constants.O_WRONLY, (fd) => writeSync(fd, text));
  }

  /** Removes one that is empty; says why when the kernel does not. */
  #rmdir(level: string): "EBUSY" | undefined {
    const at = level.lastIndexOf("/");
    const name = Buffer.from(`${level.slice(at + 1)}\0`);
    const parent = at < 0 ? "." : level.slice(0, at);
    const busy = 16;
    try {
      const result = this.#with(parent, constants.O_DIRECTORY, (fd) => this.sys.inodes.removeDirectory(fd, name));
      return result === -busy ? "EBUSY" : undefined;
    } catch (error) {
      failedWith(error, "ENOENT");
      return undefined;
    }
  }
}

export const plugin: Plugin<"cgroup", typeof config> = {
  api: 1,
  kind: "cgroup",
  name: "example",
  config,
  create: ({ sys, roots }) => ({
    name: "example",
    // Above what v2 gives, which comes with kata-ts (docs/plugins/cgroup.md).
    match: (root) => (sys.mounts.list().some((one) => one.type === "cgroup2" && one.mountPoint === root) ? 100 : 0),
    open(request) {
      if (request.scope === undefined) return new FileCgroup(sys, roots.cgroup, request);
      throw failure("SYSTEMD", "UNIMPLEMENTED", `${request.place.written} is a unit of systemd, which is not asked`);
    },
  }),
};
