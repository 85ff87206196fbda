import { expect } from "chai";
import { parseCgroupsPath } from "../../../../../src/core/cgroup/place.js";
import { codeOf, describeError } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { CgroupV2 } from "../../../../../src/plugins/cgroups/v2/cgroup-v2.js";
import { FakeCgroups, FakeNotes } from "../../../../support/fake-cgroups.js";

describe("CgroupV2", () => {
  let tree: FakeCgroups;
  let notes: FakeNotes;

  beforeEach(() => {
    tree = new FakeCgroups({ version: 2 });
    notes = new FakeNotes();
  });

  const open = (path = "/a/b", record = notes) => {
    const place = parseCgroupsPath(path, "the test");
    return new CgroupV2({ tree, place, record, log: silentLogger, busyMs: 60 });
  };
  const made = async (path?: string, record?: FakeNotes): Promise<CgroupV2> => {
    const one = open(path, record);
    await one.create();
    return one;
  };
  const failure = (act: Promise<unknown>): Promise<unknown> =>
    act.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("is made with all controllers on the way to it, and removed with what was made for it", async () => {
    const one = await made();
    expect(one.directory).to.equal("/sys/fs/cgroup/a/b");
    expect(tree.all()).to.deep.equal(["a", "a/b"]);
    expect(await tree.read(["a", "b"], "cgroup.controllers")).to.equal("cpuset cpu io memory pids");
    expect(await tree.read(["a", "b"], "cgroup.subtree_control")).to.equal("");
    expect(notes.all).to.deep.equal(["shared directory /sys/fs/cgroup/a", "directory /sys/fs/cgroup/a/b"]);
    await one.remove();
    await one.remove();
    expect(tree.all()).to.deep.equal([]);
    expect([...notes.left]).to.deep.equal([]);
  });

  it("leaves what others have made, and what others are in", async () => {
    tree.make(["a"]);
    const [one, other] = [await made("/a/x/b"), await made("/a/x/c", new FakeNotes())];
    await one.remove();
    expect(tree.all()).to.deep.equal(["a", "a/x", "a/x/c"]);
    await other.remove();
    // Nobody's record had it when the other came, so it is not the other's.
    expect(tree.all()).to.deep.equal(["a", "a/x"]);
  });

  it("removes what another one of the same sandbox has made, and left to it", async () => {
    const [one, other] = [await made("/a/x/b"), await made("/a/x/c")];
    await one.remove();
    expect(tree.all()).to.deep.equal(["a", "a/x", "a/x/c"]);
    await other.remove();
    expect(tree.all()).to.deep.equal([]);
    expect([...notes.left]).to.deep.equal([]);
  });

  it("removes what another sandbox has made and left to it at the very moment", async () => {
    const others = new FakeNotes();
    notes.others.push(others);
    tree.refuse = (call, path) => {
      if (call !== "make" || path !== "a") return undefined;
      tree.refuse = () => undefined;
      others.directories([{ kind: "shared directory", path: "/sys/fs/cgroup/a" }]);
      tree.make(["a"]);
      return undefined;
    };
    const one = await made();
    await one.remove();
    expect(tree.all()).to.deep.equal([]);
  });

  it("removes what another sandbox has made and left to it, and nothing above", async () => {
    tree.make(["a"]);
    const others = new FakeNotes();
    others.others.push(notes);
    notes.others.push(others);
    const one = await made("/a/x/b");
    const other = await made("/a/x/c", others);
    await one.remove();
    expect(tree.all()).to.deep.equal(["a", "a/x", "a/x/c"]);
    const third = await made("/a/x/b");
    await other.remove();
    await third.remove();
    expect(tree.all()).to.deep.equal(["a"]);
    expect([...notes.left, ...others.left]).to.deep.equal([]);
  });

  it("leaves the directories that are for sandboxes alone to the last of them", async () => {
    const [one, other] = [await made("/kata_sandboxed_pod/1"), await made("/kata_sandboxed_pod/2")];
    await one.remove();
    await other.remove();
    expect(tree.all()).to.deep.equal([]);
  });

  it("is begun again when another removes a directory on the way at that moment", async () => {
    let times = 2;
    tree.refuse = (call, path) => (call === "make" && path === "a/b" && times-- > 0 ? "ENOENT" : undefined);
    await made();
    expect(tree.all()).to.deep.equal(["a", "a/b"]);
  });

  it("is not another's", async () => {
    tree.make(["a"]);
    tree.make(["a", "b"]);
    tree.start(7, 1, "a/b");
    const error = await failure(open().create());
    expect(codeOf(error)).to.equal("KATA_CGROUP_TAKEN");
    expect(String(error)).to.include("holds the processes 7 already").and.include("the test");
    expect(tree.all()).to.deep.equal(["a", "a/b"]);
    tree.end(7);
    const one = await made();
    await one.remove();
    expect(tree.all()).to.deep.equal(["a", "a/b"]);
  });

  it("says why it cannot be made, and leaves nothing", async () => {
    tree.refuse = (call, path) => (call === "make" && path === "a/b" ? "EROFS" : undefined);
    const error = await failure(open().create());
    expect(codeOf(error)).to.equal("KATA_CGROUP_CREATE");
    expect(describeError(error)).to.include("EROFS").and.include('"/a/b" (the test)');
    expect(tree.all()).to.deep.equal([]);
    expect([...notes.left]).to.deep.equal([]);
  });

  it("has limits, and has them lifted", async () => {
    const one = await made();
    await one.update({ cpu: { quota: 50_000, shares: 1024, cpus: "1" }, memory: { limit: 4096 } });
    const values = () => ["cpu.max", "cpu.weight", "cpuset.cpus", "memory.max"].map((file) => tree.value("a/b", file));
    expect(values()).to.deep.equal(["50000 100000", "39", "1", "4096"]);
    await one.update({ cpu: { quota: 60_000 } });
    expect(values()).to.deep.equal(["60000 100000", "100", "0-7", "max"]);
    await one.update({});
    expect(values()).to.deep.equal(["max 100000", "100", "0-7", "max"]);
  });

  it("writes nothing that is so already", async () => {
    const one = await made();
    await one.update({ cpu: { quota: 50_000 } });
    const { length } = tree.writes;
    await one.update({ cpu: { quota: 50_000 } });
    expect(tree.writes.slice(length)).to.deep.equal([]);
  });

  it("says which limit the kernel does not take", async () => {
    const one = await made();
    tree.refuse = (call, path) => (call === "write" && path.endsWith("cpuset.cpus") ? "EINVAL" : undefined);
    const error = await failure(one.update({ cpu: { cpus: "99" } }));
    expect(codeOf(error)).to.equal("KATA_CGROUP_LIMIT");
    expect(describeError(error))
      .to.include('linux.resources.cpu.cpus: the kernel does not take "99"')
      .and.include("EINVAL");
  });

  it("says who keeps a controller from it, and goes without where no limit needs it", async () => {
    tree.make(["a"]);
    tree.start(7, 1, "a");
    const one = await made();
    await one.update({});
    const error = await failure(one.update({ memory: { limit: 4096 } }));
    expect(codeOf(error)).to.equal("KATA_CGROUP_CONTROLLER");
    expect(String(error))
      .to.include("linux.resources.memory.limit needs the cgroup controller memory")
      .and.include("/sys/fs/cgroup/a does not give it to those below (EBUSY): there are processes in it");
  });

  it("takes the controllers that it can get one by one", async () => {
    tree.refuse = (call, path, text) =>
      call === "write" && path === "cgroup.subtree_control" && text.includes("io") ? "EINVAL" : undefined;
    const one = await made();
    await one.update({ memory: { limit: 4096 } });
    expect(codeOf(await failure(one.update({ blockIO: { weight: 100 } })))).to.equal("KATA_CGROUP_CONTROLLER");
  });

  it("takes a process with all its threads, and does not mind one that has ended", async () => {
    const one = await made();
    tree.start(20, 3);
    await one.add(20);
    expect([20, 21, 22].map((tid) => tree.threads.get(tid)?.at)).to.deep.equal(["a/b", "a/b", "a/b"]);
    await one.add(4711);
  });

  it("keeps the quota for the threads that run the guest alone, in a threaded cgroup inside", async () => {
    const one = await made();
    tree.start(20, 3);
    await one.addMachine(20);
    await one.update({ cpu: { quota: 50_000 }, memory: { limit: 4096 } });
    expect(await one.addThreads([21, 22, 99])).to.equal(undefined);
    expect([20, 21, 22].map((tid) => tree.threads.get(tid)?.at)).to.deep.equal(["a/b", "a/b/vcpus", "a/b/vcpus"]);
    expect(tree.value("a/b/vcpus", "cpu.max")).to.equal("50000 100000");
    expect(tree.value("a/b", "cpu.max")).to.equal("max 100000");
    expect(tree.value("a/b", "memory.max")).to.equal("4096");
    expect(notes.all.at(-1)).to.equal("directory /sys/fs/cgroup/a/b/vcpus");
    await one.update({ cpu: { quota: 70_000 } });
    expect(tree.value("a/b/vcpus", "cpu.max")).to.equal("70000 100000");
    tree.end(20);
    await one.remove();
    expect(tree.all()).to.deep.equal([]);
  });

  it("says why threads cannot be moved, and keeps the quota for all", async () => {
    const one = await made();
    tree.start(20, 2);
    await one.addMachine(20);
    await one.update({ cpu: { quota: 50_000 } });
    tree.refuse = (call, path) => (call === "write" && path.endsWith("cgroup.type") ? "EOPNOTSUPP" : undefined);
    expect(await one.addThreads([21])).to.include("EOPNOTSUPP");
    expect(tree.threads.get(21)?.at).to.equal("a/b");
    expect(tree.value("a/b", "cpu.max")).to.equal("50000 100000");
  });

  it("is threaded itself in a threaded subtree", async () => {
    tree.make(["a"]);
    tree.make(["a", "t"]);
    await tree.write(["a", "t"], "cgroup.type", "threaded");
    tree.start(20, 2, "a");
    const one = await made();
    expect(await tree.read(["a", "b"], "cgroup.type")).to.equal("threaded");
    await one.add(20);
    expect(codeOf(await failure(one.update({ memory: { limit: 4096 } })))).to.equal("KATA_CGROUP_CONTROLLER");
  });

  it("lets this process go back to where it was, to the root when that is gone", async () => {
    tree.make(["home"]);
    const home = { pid: process.pid, at: "home" };
    for (const gone of [false, true]) {
      tree.threads.set(process.pid, { ...home });
      const one = await made();
      await one.add(process.pid);
      expect(tree.own()).to.deep.equal(["a", "b"]);
      if (gone) tree.remove(["home"]);
      await one.remove();
      expect(tree.own()).to.deep.equal(gone ? [] : ["home"]);
      expect(tree.all()).to.deep.equal(gone ? [] : ["home"]);
    }
  });

  it("waits for processes that end, removes what others made inside, and names those that do not end", async () => {
    const one = await made();
    tree.start(20);
    tree.start(21);
    await one.add(20);
    tree.make(["a", "b", "strange"]);
    setTimeout(() => tree.end(20), 10);
    await one.remove();
    expect(tree.all()).to.deep.equal([]);
    const other = await made();
    await other.add(21);
    const error = await failure(other.remove());
    expect(codeOf(error)).to.equal("KATA_CGROUP_BUSY");
    expect(String(error)).to.include("/sys/fs/cgroup/a/b").and.include("the processes 21");
  });
});
