import { expect } from "chai";
import { parseCgroupsPath } from "../../../../../src/core/cgroup/place.js";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { CgroupV1 } from "../../../../../src/plugins/cgroups/v1/cgroup-v1.js";
import type { V1Controller } from "../../../../../src/plugins/cgroups/v1/hierarchies.js";
import { FakeCgroups, FakeNotes } from "../../../../support/fake-cgroups.js";

/** A host's hierarchies, each with its controllers. */
const usual: readonly (readonly V1Controller[])[] = [["memory"], ["cpu", "cpuacct"], ["cpuset"], ["blkio"], ["pids"]];

describe("CgroupV1", () => {
  let trees: Map<string, FakeCgroups>;
  let notes: FakeNotes;

  const open = (mounted = usual, path = "/a/b"): CgroupV1 => {
    trees = new Map();
    notes = new FakeNotes();
    const hierarchies = mounted.map((controllers) => {
      const tree = new FakeCgroups({ version: 1, root: `/sys/fs/cgroup/${controllers.join(",")}`, controllers });
      trees.set(controllers.join(","), tree);
      return { controllers, tree };
    });
    const place = parseCgroupsPath(path, "the test");
    return new CgroupV1({ hierarchies, place, record: notes, log: silentLogger, busyMs: 60 });
  };
  const made = async (mounted = usual): Promise<CgroupV1> => {
    const one = open(mounted);
    await one.create();
    return one;
  };
  const start = (pid: number, count: number): void => {
    for (const tree of trees.values()) tree.start(pid, count);
  };
  /** Where the threads of a process are, by hierarchy. */
  const places = (pid: number): Record<string, string[]> =>
    Object.fromEntries(
      [...trees].map(([name, { threads }]) => [
        name,
        [...threads.values()].filter((one) => one.pid === pid).map(({ at }) => at),
      ]),
    );
  const failure = (act: Promise<unknown>): Promise<unknown> =>
    act.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("is made in every hierarchy, and removed from all", async () => {
    const one = await made();
    for (const [name, tree] of trees) {
      expect(tree.all()).to.deep.equal(["a", "a/b"]);
      expect([...notes.left]).to.include(`/sys/fs/cgroup/${name}/a/b`);
    }
    await one.remove();
    for (const tree of trees.values()) expect(tree.all()).to.deep.equal([]);
    expect([...notes.left]).to.deep.equal([]);
  });

  it("has the CPUs and memory of the cgroup above before anybody is in it", async () => {
    const one = await made();
    for (const level of ["a", "a/b"]) {
      expect(trees.get("cpuset")?.value(level, "cpuset.cpus")).to.equal("0-7");
      expect(trees.get("cpuset")?.value(level, "cpuset.mems")).to.equal("0");
    }
    start(20, 2);
    await one.add(20);
    expect(places(20)).to.deep.equal(Object.fromEntries([...trees.keys()].map((name) => [name, ["a/b", "a/b"]])));
  });

  it("leaves nothing in any when it cannot be made in one", async () => {
    const one = open();
    const pids = trees.get("pids");
    if (pids !== undefined) pids.refuse = (call, path) => (call === "make" && path === "a/b" ? "ENOSPC" : undefined);
    expect(codeOf(await failure(one.create()))).to.equal("KATA_CGROUP_CREATE");
    for (const tree of trees.values()) expect(tree.all()).to.deep.equal([]);
  });

  it("has limits in the hierarchy of their controller, and has them lifted", async () => {
    const one = await made();
    await one.update({ cpu: { quota: 50_000, shares: 512, cpus: "1" }, memory: { limit: 4096, swap: 8192 } });
    const values = (): (string | undefined)[] => [
      trees.get("cpu,cpuacct")?.value("a/b", "cpu.cfs_quota_us"),
      trees.get("cpu,cpuacct")?.value("a/b", "cpu.shares"),
      trees.get("cpuset")?.value("a/b", "cpuset.cpus"),
      trees.get("memory")?.value("a/b", "memory.limit_in_bytes"),
    ];
    expect(values()).to.deep.equal(["50000", "512", "1", "4096"]);
    await one.update({});
    expect(values()).to.deep.equal(["-1", "1024", "0-7", "-1"]);
  });

  it("sets memory and swap in the order that the kernel takes", async () => {
    const one = await made();
    const memory = trees.get("memory") ?? expect.fail();
    const at = (file: string) => Number(memory.value("a/b", file));
    memory.refuse = (call, path, text) => {
      if (call !== "write") return undefined;
      if (path.endsWith("memory.limit_in_bytes") && Number(text) > at("memory.memsw.limit_in_bytes")) return "EINVAL";
      if (path.endsWith("memsw.limit_in_bytes") && Number(text) < at("memory.limit_in_bytes")) return "EINVAL";
      return undefined;
    };
    for (const limit of [1000, 5000, 2000]) {
      await one.update({ memory: { limit, swap: limit + 100 } });
      expect([at("memory.limit_in_bytes"), at("memory.memsw.limit_in_bytes")]).to.deep.equal([limit, limit + 100]);
    }
  });

  it("says when the controller of a limit is not mounted", async () => {
    const one = await made([["memory"]]);
    const error = await failure(one.update({ cpu: { quota: 50_000 } }));
    expect(codeOf(error)).to.equal("KATA_CGROUP_CONTROLLER");
    expect(String(error)).to.include("it has: memory; it is not mounted");
  });

  it("takes of a VMM its memory and I/O, and of its threads those it is given", async () => {
    const one = await made();
    start(20, 3);
    await one.addMachine(20);
    expect(await one.addThreads([21, 22])).to.equal(undefined);
    const threads = ["", "a/b", "a/b"];
    const all = ["a/b", "a/b", "a/b"];
    expect(places(20)).to.deep.equal({
      memory: all,
      "cpu,cpuacct": threads,
      cpuset: threads,
      blkio: all,
      pids: ["", "", ""],
    });
  });

  it("says when threads cannot be split from their process", async () => {
    const one = await made([["cpu", "memory"]]);
    expect(await one.addThreads([1])).to.include("together with that of memory");
  });
});
