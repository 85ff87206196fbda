import { errnoNumber } from "../../src/core/sys/errno.js";
import { SysError } from "../../src/core/sys/sys-error.js";
import type { CgroupPath } from "../../src/core/cgroup/place.js";
import type { CgroupTree } from "../../src/core/cgroup/tree.js";
import type { RecordContent } from "../../src/core/sandbox/record.js";

/** A cgroup of the fake. */
interface Node {
  readonly children: Map<string, Node>;
  readonly files: Map<string, string>;
  readonly subtree: Set<string>;
  type: "domain" | "threaded";
}

const threadedControllers = new Set(["cpu", "cpuset", "pids"]);

/** What files a cgroup has for a controller, and what they say at first. */
const limitFiles: Readonly<Record<1 | 2, Readonly<Record<string, Readonly<Record<string, string>>>>>> = {
  1: {
    cpu: { "cpu.shares": "1024", "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000" },
    cpuset: { "cpuset.cpus": "", "cpuset.mems": "" },
    memory: {
      "memory.limit_in_bytes": "max",
      "memory.soft_limit_in_bytes": "max",
      "memory.memsw.limit_in_bytes": "max",
    },
    pids: { "pids.max": "max" },
    blkio: { "blkio.weight": "500", "blkio.throttle.read_bps_device": "" },
  },
  2: {
    cpu: { "cpu.max": "max 100000", "cpu.weight": "100" },
    cpuset: { "cpuset.cpus": "", "cpuset.mems": "", "cpuset.cpus.effective": "0-7", "cpuset.mems.effective": "0" },
    memory: { "memory.max": "max", "memory.low": "0", "memory.swap.max": "max" },
    pids: { "pids.max": "max" },
    io: { "io.max": "", "io.weight": "default 100" },
  },
};

/** What the fake is like. */
export interface FakeCgroupsOptions {
  readonly version: 1 | 2;
  readonly root?: string;
  /** Those of the root; on version 1 those of this one hierarchy. */
  readonly controllers?: readonly string[];
}

/**
 * One hierarchy in memory that follows the kernel's rules as far as drivers meet them: who may hold processes, which
 * controllers a cgroup has, what is busy, what can be threaded, and that an empty cpuset of v1 takes nobody.
 */
export class FakeCgroups implements CgroupTree {
  readonly root: string;
  readonly version: 1 | 2;
  /** Whether systemd makes its cgroups here: not in every hierarchy of version 1. */
  systemd = true;
  /** Where each thread is, by its id; a process's first thread has its pid. Change it to start and end some. */
  readonly threads = new Map<number, { readonly pid: number; at: string }>();
  /** Every write that was taken, in order: `a/b/cpu.max = 1000 100000`. */
  readonly writes: string[] = [];
  /** Refuses a call from now on, by the errno it gives: `(call, path) => …`. */
  refuse: (call: "make" | "write" | "remove", path: string, text: string) => string | undefined = () => undefined;
  readonly #controllers: readonly string[];
  readonly #top: Node = { children: new Map(), files: new Map(), subtree: new Set(), type: "domain" };

  constructor({ version, root = "/sys/fs/cgroup", controllers }: FakeCgroupsOptions) {
    this.version = version;
    this.root = root;
    this.#controllers = controllers ?? ["cpuset", "cpu", "io", "memory", "pids"];
    this.threads.set(process.pid, { pid: process.pid, at: "" });
    this.#fill(this.#top, this.#controllers);
    for (const [file, value] of [
      ["cpuset.cpus", "0-7"],
      ["cpuset.mems", "0"],
    ] as const) {
      if (this.#top.files.has(file)) this.#top.files.set(file, value);
    }
  }

  /** Starts a process with so many threads, ids from its pid on. */
  start(pid: number, count = 1, at = ""): void {
    for (let tid = pid; tid < pid + count; tid++) this.threads.set(tid, { pid, at });
  }

  /** Ends a process. */
  end(pid: number): void {
    for (const [tid, thread] of this.threads) if (thread.pid === pid) this.threads.delete(tid);
  }

  /** Paths of all cgroups there are but the root. */
  all(): string[] {
    const below = (node: Node, at: string): string[] =>
      [...node.children].flatMap(([name, child]) => [`${at}${name}`, ...below(child, `${at}${name}/`)]);
    return below(this.#top, "").sort();
  }

  /** What a file says now. */
  value(path: string, file: string): string | undefined {
    return this.#find(path.split("/"), "read")?.files.get(file);
  }

  make(path: CgroupPath): boolean {
    this.#check("make", path.join("/"), "");
    const parent = this.#find(path.slice(0, -1), "make");
    const name = path.at(-1) ?? "";
    if (parent.children.has(name)) return false;
    const node: Node = { children: new Map(), files: new Map(), subtree: new Set(), type: "domain" };
    this.#fill(node, this.version === 1 ? this.#controllers : [...parent.subtree]);
    parent.children.set(name, node);
    return true;
  }

  has(path: CgroupPath): boolean {
    try {
      this.#find(path, "has");
      return true;
    } catch {
      return false;
    }
  }

  children(path: CgroupPath): readonly string[] {
    return [...this.#find(path, "children").children.keys()];
  }

  async read(path: CgroupPath, file: string): Promise<string> {
    const node = this.#find(path, "read");
    const here = [...this.threads].filter(([, { at }]) => at === path.join("/"));
    if (file === "cgroup.procs") return [...new Set(here.map(([, { pid }]) => pid))].join("\n");
    if (this.version === 2) {
      if (file === "cgroup.controllers") return this.#available(path).join(" ");
      if (file === "cgroup.subtree_control") return [...node.subtree].join(" ");
      if (file === "cgroup.type" && path.length > 0) return this.#typeOf(path);
    }
    const value = node.files.get(file);
    if (value === undefined) throw this.#error("ENOENT", "open", path, file);
    return value.trim();
  }

  async write(path: CgroupPath, file: string, text: string): Promise<void> {
    this.#check("write", [...path, file].join("/"), text);
    const node = this.#find(path, "write");
    const fail = (errno: string) => this.#error(errno, "write", path, file);
    if (file === "cgroup.procs" || file === "tasks" || file === "cgroup.threads") this.#move(path, file, Number(text));
    else if (file === "cgroup.subtree_control") this.#enable(path, text.split(" "));
    else if (file === "cgroup.type") {
      if (text !== "threaded" || this.#domainControllers(path.slice(0, -1)).length > 0) throw fail("EOPNOTSUPP");
      node.type = "threaded";
    } else if (!node.files.has(file)) throw fail("ENOENT");
    else if (/^cpuset\.(cpus|mems)$/.test(file) && text.trim() === "" && this.#holds(path)) throw fail("ENOSPC");
    else node.files.set(file, text.trim());
    this.writes.push(`${[...path, file].join("/")} = ${text.trim()}`);
  }

  remove(path: CgroupPath): void {
    this.#check("remove", path.join("/"), "");
    const node = this.#find(path, "rmdir");
    if (node.children.size > 0 || this.#holds(path)) throw this.#error("EBUSY", "rmdir", path);
    this.#find(path.slice(0, -1), "rmdir").children.delete(path.at(-1) ?? "");
  }

  own(): CgroupPath {
    const at = this.threads.get(process.pid)?.at ?? "";
    return at === "" ? [] : at.split("/");
  }

  #move(path: CgroupPath, file: string, id: number): void {
    const node = this.#find(path, "write");
    const at = path.join("/");
    const thread = this.threads.get(id);
    if (thread === undefined) throw this.#error("ESRCH", "write", path, file);
    if (this.version === 1 && node.files.get("cpuset.cpus") === "") throw this.#error("ENOSPC", "write", path, file);
    const type = this.version === 1 || path.length === 0 ? "domain" : this.#typeOf(path);
    if (type === "domain invalid") throw this.#error("EOPNOTSUPP", "write", path, file);
    if (type === "domain" && path.length > 0 && node.subtree.size > 0) throw this.#error("EBUSY", "write", path, file);
    if (file === "cgroup.threads") {
      // A thread stays in the threaded domain of its process.
      const parent = path.slice(0, -1).join("/");
      if (type !== "threaded" || !thread.at.startsWith(parent)) throw this.#error("EOPNOTSUPP", "write", path, file);
    }
    for (const [tid, one] of this.threads) {
      if (file === "cgroup.procs" ? one.pid === thread.pid : tid === id) one.at = at;
    }
  }

  #enable(path: CgroupPath, words: readonly string[]): void {
    const node = this.#find(path, "write");
    const names = words.map((word) => word.slice(1));
    const available = this.#available(path);
    if (names.some((name) => !available.includes(name))) {
      throw this.#error("ENOENT", "write", path, "cgroup.subtree_control");
    }
    const held = this.#holds(path);
    const threadedRoot = [...node.children.values()].some((child) => child.type === "threaded");
    const allowed =
      path.length === 0 || !held || (threadedRoot && names.every((name) => threadedControllers.has(name)));
    if (!allowed) throw this.#error("EBUSY", "write", path, "cgroup.subtree_control");
    for (const name of names) {
      node.subtree.add(name);
      for (const child of node.children.values()) this.#fill(child, [name]);
    }
  }

  #holds(path: CgroupPath): boolean {
    return [...this.threads.values()].some((thread) => thread.at === path.join("/"));
  }

  #available(path: CgroupPath): readonly string[] {
    if (path.length === 0) return this.#controllers;
    const given = [...this.#find(path.slice(0, -1), "read").subtree];
    return this.#typeOf(path) === "domain" || this.#typeOf(path) === "domain threaded"
      ? given
      : given.filter((name) => threadedControllers.has(name));
  }

  #domainControllers(path: CgroupPath): string[] {
    if (path.length === 0) return [];
    return [...this.#find(path, "write").subtree].filter((name) => !threadedControllers.has(name));
  }

  #typeOf(path: CgroupPath): string {
    const node = this.#find(path, "read");
    if (node.type === "threaded") return "threaded";
    const parent = this.#find(path.slice(0, -1), "read");
    const siblings = path.length > 1 && [...parent.children.values()].some((child) => child.type === "threaded");
    if (parent.type === "threaded" || siblings) return "domain invalid";
    return [...node.children.values()].some((child) => child.type === "threaded") ? "domain threaded" : "domain";
  }

  #fill(node: Node, controllers: readonly string[]): void {
    for (const controller of controllers) {
      for (const [file, value] of Object.entries(limitFiles[this.version][controller] ?? {})) {
        if (!node.files.has(file)) node.files.set(file, value);
      }
    }
  }

  #find(path: CgroupPath, call: string): Node {
    let node = this.#top;
    for (const name of path) {
      const child = node.children.get(name);
      if (child === undefined) throw this.#error("ENOENT", call, path);
      node = child;
    }
    return node;
  }

  #check(call: "make" | "write" | "remove", path: string, text: string): void {
    const errno = this.refuse(call, path, text);
    if (errno !== undefined) throw this.#error(errno, call, [path]);
  }

  #error(errno: string, call: string, path: CgroupPath, file?: string): SysError {
    return new SysError(
      call,
      [[this.root, ...path, ...(file === undefined ? [] : [file])].join("/")],
      errnoNumber(errno) ?? 0,
      errno,
    );
  }
}

/** The notes of a sandbox's record, in order, and what is left of them. */
export class FakeNotes {
  readonly all: string[] = [];
  readonly left = new Set<string>();
  /** Those of other sandboxes. */
  readonly others: FakeNotes[] = [];
  readonly content: RecordContent = {
    version: 3,
    namespace: "test",
    sandboxId: "s",
    owner: { pid: process.pid, startTime: "0" },
    processes: [],
    paths: [],
    network: [],
  };

  sharedByOthers(paths: readonly string[]): string[] {
    return paths.filter((path) => this.others.some(({ left }) => left.has(path)));
  }

  shared(paths: readonly string[]): string[] {
    return paths.filter((path) => this.left.has(path));
  }

  directories(paths: readonly { readonly kind: string; readonly path: string }[]): void {
    for (const { kind, path } of paths) {
      this.all.push(`${kind} ${path}`);
      this.left.add(path);
    }
  }

  forget(path: string): void {
    this.left.delete(path);
  }
}
