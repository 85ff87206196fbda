import { expect } from "chai";
import { parseCgroupsPath } from "../../../../../src/core/cgroup/place.js";
import { ScopeUnit } from "../../../../../src/core/cgroup/scope-unit.js";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { Units } from "../../../../../src/core/systemd/units.js";
import { CgroupV2 } from "../../../../../src/plugins/cgroups/v2/cgroup-v2.js";
import { propertiesOf } from "../../../../../src/plugins/cgroups/v2/unit-properties.js";
import { FakeCgroups, FakeNotes } from "../../../../support/fake-cgroups.js";
import { FakeSystemd } from "../../../../support/fake-systemd.js";

describe("CgroupV2 as a scope of systemd", () => {
  let tree: FakeCgroups;
  let notes: FakeNotes;
  let systemd: FakeSystemd;

  beforeEach(() => {
    tree = new FakeCgroups({ version: 2 });
    notes = new FakeNotes();
    systemd = new FakeSystemd([tree]);
  });

  const open = async (): Promise<CgroupV2> => {
    const place = parseCgroupsPath("a-b.slice:p:n", "the test");
    if (place.systemd === undefined) return expect.fail("no place of systemd's");
    const wanted = { ...place, systemd: place.systemd };
    const directory = `/sys/fs/cgroup/${at}`;
    const scope = new ScopeUnit({ units: new Units(systemd), place: wanted, record: notes, directory });
    const one = new CgroupV2({ tree, place, record: notes, log: silentLogger, busyMs: 60, scope });
    await one.create();
    return one;
  };
  const at = "a.slice/a-b.slice/p-n.scope";
  const property = (name: string) => systemd.units.get("p-n.scope")?.properties.get(name);

  it("has no directory before its first process, and gets its limits then", async () => {
    const one = await open();
    await one.update({ cpu: { quota: 50_000 }, memory: { limit: 4096 } });
    expect([tree.all(), notes.all]).to.deep.equal([[], []]);
    tree.start(20, 2);
    await one.add(20);
    expect(tree.threads.get(21)?.at).to.equal(at);
    expect([tree.value(at, "cpu.max"), tree.value(at, "memory.max")]).to.deep.equal(["50000 100000", "4096"]);
    expect([property("CPUQuotaPerSecUSec"), property("MemoryMax")]).to.deep.equal(["500000", "4096"]);
    await one.update({});
    expect([tree.value(at, "cpu.max"), tree.value(at, "memory.max")]).to.deep.equal(["max 100000", "max"]);
    expect(property("MemoryMax")).to.equal("18446744073709551615");
    tree.end(20);
    await one.remove();
    expect([tree.all(), [...notes.left], [...systemd.units.keys()]]).to.deep.equal([[], [], []]);
  });

  it("has the quota of threads that run a guest in a cgroup of its own inside, and not as a property", async () => {
    const one = await open();
    tree.start(20, 3);
    await one.update({ cpu: { quota: 50_000 } });
    await one.addMachine(20);
    expect(property("CPUQuotaPerSecUSec")).to.equal("500000");
    expect(await one.addThreads([21, 22])).to.equal(undefined);
    expect(property("CPUQuotaPerSecUSec")).to.equal("18446744073709551615");
    expect(tree.value(`${at}/vcpus`, "cpu.max")).to.equal("50000 100000");
    expect(tree.value(at, "cpu.max")).to.equal("max 100000");
    tree.end(20);
    await one.remove();
    expect([tree.all(), [...notes.left]]).to.deep.equal([[], []]);
  });

  it("is not ended by systemd while threads are inside, which that would not see", async () => {
    const one = await open();
    tree.start(20, 3);
    await one.addMachine(20);
    await one.addThreads([21]);
    const error = await one.remove().catch((reason: unknown) => reason);
    expect(codeOf(error)).to.equal("KATA_CGROUP_BUSY");
    expect(systemd.calls.some((call) => call.startsWith("StopUnit"))).to.equal(false);
    setTimeout(() => tree.end(20), 10);
    await one.remove();
    expect([tree.all(), [...notes.left], [...systemd.units.keys()]]).to.deep.equal([[], [], []]);
  });

  it("lets this process leave before systemd ends what is in it", async () => {
    tree.make(["home"]);
    tree.threads.set(process.pid, { pid: process.pid, at: "home" });
    const one = await open();
    await one.add(process.pid);
    systemd.refuse = (call) => {
      if (call.startsWith("StopUnit")) expect(tree.own()).to.deep.equal(["home"]);
      return undefined;
    };
    await one.remove();
    expect(systemd.calls.at(-1)).to.match(/^StopUnit/);
    expect(tree.all()).to.deep.equal(["home"]);
  });

  it("keeps its note when systemd does not end it", async () => {
    const one = await open();
    tree.start(20);
    await one.add(20);
    systemd.refuse = () => "Access denied";
    const error = await one.remove().catch((reason: unknown) => reason);
    expect(String(error)).to.include("Access denied");
    expect([...notes.left]).to.deep.equal([`/sys/fs/cgroup/${at}`]);
  });

  it("has a property for each limit that systemd keeps", () => {
    const cpu = { quota: 20_000, period: 10_000, shares: 1024, cpus: "0-1", mems: "0" };
    const memory = { limit: 4096, swap: 8192, reservation: 2048 };
    const all = propertiesOf({ cpu, memory, blockIO: { weight: 10 } }, { threadsApart: false });
    expect(all.map((one) => one.join(" "))).to.deep.equal([
      "CPUQuotaPerSecUSec t 2000000",
      "CPUQuotaPeriodUSec t 10000",
      "CPUWeight t 39",
      "AllowedCPUs ay 1 3",
      "AllowedMemoryNodes ay 1 1",
      "MemoryLow t 2048",
      "MemoryMax t 4096",
      "MemorySwapMax t 4096",
      "IOWeight t 1",
    ]);
  });
});
