import { expect } from "chai";
import { parseCgroupsPath } from "../../../../../src/core/cgroup/place.js";
import { ScopeUnit } from "../../../../../src/core/cgroup/scope-unit.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { Units } from "../../../../../src/core/systemd/units.js";
import { CgroupV1 } from "../../../../../src/plugins/cgroups/v1/cgroup-v1.js";
import type { V1Controller } from "../../../../../src/plugins/cgroups/v1/hierarchies.js";
import { FakeCgroups, FakeNotes } from "../../../../support/fake-cgroups.js";
import { FakeSystemd } from "../../../../support/fake-systemd.js";

/** A host's hierarchies as systemd has them: that of cpusets is not its own, and it knows processes by the last. */
const usual: readonly (readonly V1Controller[])[] = [["memory"], ["cpu", "cpuacct"], ["cpuset"], ["pids"], []];

describe("CgroupV1 as a scope of systemd", () => {
  let trees: Map<string, FakeCgroups>;
  let notes: FakeNotes;
  let systemd: FakeSystemd;

  const at = "a.slice/p-n.scope";

  const open = async (): Promise<CgroupV1> => {
    trees = new Map();
    notes = new FakeNotes();
    const hierarchies = usual.map((controllers) => {
      const tree = new FakeCgroups({ version: 1, root: `/sys/fs/cgroup/${controllers.join(",")}`, controllers });
      tree.systemd = !controllers.includes("cpuset");
      trees.set(controllers.join(","), tree);
      return { controllers, tree };
    });
    systemd = new FakeSystemd([...trees.values()]);
    const place = parseCgroupsPath("a.slice:p:n", "the test");
    if (place.systemd === undefined) return expect.fail("no place of systemd's");
    const wanted = { ...place, systemd: place.systemd };
    const units = new Units(systemd);
    const scope = new ScopeUnit({ units, place: wanted, record: notes, directory: `/sys/fs/cgroup/${at}` });
    const one = new CgroupV1({ hierarchies, place, record: notes, log: silentLogger, busyMs: 60, scope });
    await one.create();
    return one;
  };
  const start = (pid: number, count: number): void => {
    for (const tree of trees.values()) tree.start(pid, count);
  };
  const end = (pid: number): void => {
    for (const tree of trees.values()) tree.end(pid);
  };
  /** Where the threads of a process are, by hierarchy. */
  const places = (pid: number): Record<string, string[]> =>
    Object.fromEntries(
      [...trees].map(([name, { threads }]) => [
        name,
        [...threads.values()].filter((one) => one.pid === pid).map((thread) => thread.at),
      ]),
    );
  const left = () => [[...trees.values()].flatMap((tree) => tree.all()), [...notes.left], [...systemd.units.keys()]];

  it("is made where systemd makes it, and by us where that does not", async () => {
    const one = await open();
    await one.update({ cpu: { quota: 50_000, cpus: "1" }, memory: { limit: 4096 } });
    start(20, 1);
    await one.add(20);
    for (const [name, found] of Object.entries(places(20))) expect(found, name).to.deep.equal([at]);
    expect(trees.get("cpuset")?.value(at, "cpuset.cpus")).to.equal("1");
    expect(trees.get("memory")?.value(at, "memory.limit_in_bytes")).to.equal("4096");
    const properties = systemd.units.get("p-n.scope")?.properties;
    expect([properties?.get("MemoryLimit"), properties?.get("CPUQuotaPerSecUSec")]).to.deep.equal(["4096", "500000"]);
    expect([...notes.left]).to.deep.equal([
      `/sys/fs/cgroup/${at}`,
      "/sys/fs/cgroup/cpuset/a.slice",
      `/sys/fs/cgroup/cpuset/${at}`,
    ]);
    end(20);
    await one.remove();
    expect(left()).to.deep.equal([[], [], []]);
  });

  it("has all of a machine, and its threads that run the guest in a cgroup inside, with their CPU time and CPUs", async () => {
    const one = await open();
    start(20, 3);
    await one.update({ cpu: { quota: 50_000, shares: 512, cpus: "1" } });
    await one.addMachine(20);
    expect(await one.addThreads([21, 22])).to.equal(undefined);
    const inside = `${at}/vcpus`;
    expect(places(20)).to.deep.equal({
      memory: [at, at, at],
      "cpu,cpuacct": [at, inside, inside],
      cpuset: [at, inside, inside],
      pids: [at, at, at],
      "": [at, at, at],
    });
    const value = (controller: string, path: string, file: string) => trees.get(controller)?.value(path, file);
    expect(value("cpu,cpuacct", inside, "cpu.cfs_quota_us")).to.equal("50000");
    expect(value("cpu,cpuacct", at, "cpu.cfs_quota_us")).to.equal("-1");
    expect(value("cpu,cpuacct", at, "cpu.shares")).to.equal("512");
    expect([value("cpuset", inside, "cpuset.cpus"), value("cpuset", at, "cpuset.cpus")]).to.deep.equal(["1", "0-7"]);
    const properties = systemd.units.get("p-n.scope")?.properties;
    expect(properties?.get("CPUQuotaPerSecUSec")).to.equal("18446744073709551615");
    expect(properties?.get("CPUShares")).to.equal("512");
    end(20);
    await one.remove();
    expect(left()).to.deep.equal([[], [], []]);
  });

  it("lets this process leave all hierarchies before systemd ends what is in it", async () => {
    const one = await open();
    await one.add(process.pid);
    systemd.refuse = (call) => {
      if (call.startsWith("StopUnit")) {
        for (const [name, tree] of trees) expect(tree.own(), name).to.deep.equal([]);
      }
      return undefined;
    };
    await one.remove();
    expect(systemd.calls.at(-1)).to.match(/^StopUnit/);
    expect(left()).to.deep.equal([[], [], []]);
  });
});
