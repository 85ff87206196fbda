import { expect } from "chai";
import { parseCgroupsPath } from "../../../../src/core/cgroup/place.js";
import { ScopeUnit } from "../../../../src/core/cgroup/scope-unit.js";
import { codeOf } from "../../../../src/core/errors/error.js";
import { Units } from "../../../../src/core/systemd/units.js";
import { FakeNotes } from "../../../support/fake-cgroups.js";
import { FakeSystemd } from "../../../support/fake-systemd.js";

describe("ScopeUnit", () => {
  let systemd: FakeSystemd;
  let notes: FakeNotes;
  let isThere: boolean;
  let steps: string[];

  beforeEach(() => {
    systemd = new FakeSystemd();
    notes = new FakeNotes();
    isThere = true;
    steps = [];
  });

  const open = (path = "a-b.slice:p:n", record = notes): ScopeUnit => {
    const place = parseCgroupsPath(path, "the test");
    if (place.systemd === undefined) return expect.fail("no place of systemd's");
    const units = new Units(systemd, 60);
    const wanted = { ...place, systemd: place.systemd };
    return new ScopeUnit({ units, place: wanted, record, directory: `/sys/fs/cgroup/${place.path.join("/")}` });
  };
  const begin = (scope: ScopeUnit, pid = process.pid): Promise<boolean> =>
    scope.begin(pid, {
      isThere: () => isThere,
      before: () => steps.push("before"),
      after: async () => void steps.push("after"),
    });
  const starts = (): string[] => systemd.calls.filter((call) => call.startsWith("StartTransientUnit"));
  const lifted = new Map([["CPUWeight", ["CPUWeight", "t", "none"]]] as const);
  const failure = (act: Promise<unknown>): Promise<Error> =>
    act.then(
      () => expect.fail("nothing was thrown"),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );

  it("is made with its first process, once, after it was noted", async () => {
    const scope = open();
    await scope.create();
    expect([systemd.calls, notes.all]).to.deep.equal([[], []]);
    systemd.started = () => steps.push([...notes.left].join());
    expect(await Promise.all([begin(scope), begin(scope)])).to.deep.equal([true, true]);
    const noted = "/sys/fs/cgroup/a.slice/a-b.slice/p-n.scope";
    expect(notes.all).to.deep.equal([`unit ${noted}`]);
    expect(steps).to.deep.equal(["before", noted, "after"]);
    expect(systemd.units.get("p-n.scope")?.properties.get("TasksMax")).to.equal("18446744073709551615");
    await scope.stop();
    await scope.stop();
    scope.forget();
    expect([...notes.left]).to.deep.equal([]);
    expect(systemd.units.has("p-n.scope")).to.equal(false);
  });

  it("is made anew when it has gone with its last process", async () => {
    const scope = open();
    await scope.create();
    await begin(scope);
    systemd.emptied("p-n.scope");
    isThere = false;
    await begin(scope);
    expect(starts().length).to.equal(2);
    expect(notes.all.length).to.equal(1);
  });

  it("makes only slices that are not there and that nobody has written", async () => {
    systemd.add("a.slice", "active");
    systemd.add("a-b.slice", "inactive");
    const scope = open("a-b-c.slice:p:n");
    await scope.create();
    await begin(scope);
    expect(starts()[0]).to.match(/ 1 a-b-c\.slice 2 StopWhenUnneeded b true DefaultDependencies b false$/);
  });

  it("is begun again when a slice on its way is made at that moment", async () => {
    const scope = open();
    await scope.create();
    systemd.add("a.slice", "active");
    systemd.add("a-b.slice", "active");
    await begin(scope);
    expect(starts().length).to.equal(2);
    expect(starts()[1]).to.match(/ 0$/);
  });

  it("is not begun with a process that has ended, and says why it is not with one that runs", async () => {
    const scope = open();
    await scope.create();
    systemd.refuse = () => "No such process";
    expect(await begin(scope, 2 ** 30)).to.equal(false);
    const error = await failure(begin(scope));
    expect(codeOf(error)).to.equal("KATA_SYSTEMD_REFUSED");
    expect(steps).to.not.include("after");
    expect(scope.started).to.equal(false);
  });

  for (const active of ["active", "inactive", "deactivating"]) {
    it(`is not another's that is ${active}`, async () => {
      systemd.add("p-n.scope", active);
      const error = await failure(open().create());
      expect(codeOf(error)).to.equal("KATA_CGROUP_TAKEN");
      expect(error.message).to.include('"a-b.slice:p:n" (the test)').and.include(`("another's", ${active})`);
    });
  }

  it("does not mind one that has failed, and ends none that another has made since", async () => {
    systemd.add("p-n.scope", "failed");
    const scope = open();
    await scope.create();
    expect(systemd.units.has("p-n.scope")).to.equal(false);
    systemd.add("p-n.scope", "active");
    await failure(begin(scope));
    await scope.stop();
    expect(systemd.units.get("p-n.scope")?.active).to.equal("active");
  });

  it("is no slice, in which there are no processes", async () => {
    const error = await failure(open("a.slice::b.slice").create());
    expect(codeOf(error)).to.equal("KATA_CGROUP_PATH");
    expect(error.message).to.include("b.slice holds no processes");
  });

  it("has properties from its start on, is asked only for what changes, and has lifted what is wanted no more", async () => {
    const scope = open();
    await scope.create();
    await scope.set([["CPUWeight", "t", "5"]], lifted);
    await begin(scope);
    expect(systemd.units.get("p-n.scope")?.properties.get("CPUWeight")).to.equal("5");
    await scope.set([["CPUWeight", "t", "5"]], lifted);
    await scope.set([["CPUWeight", "t", "6"]], lifted);
    await scope.set([], lifted);
    await scope.set([], lifted);
    const set = systemd.calls.filter((call) => call.startsWith("SetUnitProperties"));
    expect(set).to.deep.equal(["6", "none"].map((value) => `SetUnitProperties p-n.scope true 1 CPUWeight t ${value}`));
  });

  it("sets what systemd has refused when it is wanted again", async () => {
    const scope = open();
    await scope.create();
    await begin(scope);
    systemd.refuse = () => "no";
    await failure(scope.set([["CPUWeight", "t", "5"]], lifted));
    systemd.refuse = () => undefined;
    await scope.set([["CPUWeight", "t", "5"]], lifted);
    expect(systemd.units.get("p-n.scope")?.properties.get("CPUWeight")).to.equal("5");
  });

  it("is taken from a record, and from no other", async () => {
    const scope = open();
    expect(await scope.adopt()).to.equal(false);
    const path = "/sys/fs/cgroup/a.slice/a-b.slice/p-n.scope";
    const record = Object.assign(new FakeNotes(), {
      content: { ...notes.content, paths: [{ kind: "unit", path }] as const },
    });
    const gone = open(undefined, record);
    expect([await gone.adopt(), gone.started]).to.deep.equal([true, false]);
    systemd.add("p-n.scope", "active", "kata-ts sandbox test/s");
    const next = open(undefined, record);
    expect([await next.adopt(), next.started]).to.deep.equal([true, true]);
    systemd.add("p-n.scope", "active");
    const strange = open(undefined, record);
    expect([await strange.adopt(), strange.started]).to.deep.equal([true, false]);
  });
});
