import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { undoUnit } from "../../../../src/core/systemd/host.js";
import { unitDescription, Units } from "../../../../src/core/systemd/units.js";
import { FakeSystemd } from "../../../support/fake-systemd.js";

describe("Units", () => {
  let systemd: FakeSystemd;
  let units: Units;

  beforeEach(() => {
    systemd = new FakeSystemd();
    units = new Units(systemd, 60);
  });

  const request = { unit: "x.scope", slice: "a-b.slice", newSlices: [], description: "of x", pid: 7, properties: [] };
  const failure = (act: Promise<unknown>): Promise<Error> =>
    act.then(
      () => expect.fail("nothing was thrown"),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );

  it("start a scope that is delegated and counted, in slices that go with it", async () => {
    await units.startScope({
      ...request,
      newSlices: ["a.slice", "a-b.slice"],
      properties: [["TasksMax", "t", "9"]],
    });
    expect(Object.fromEntries(systemd.units.get("x.scope")?.properties ?? [])).to.deep.equal({
      Description: "of x",
      Slice: "a-b.slice",
      Delegate: "true",
      PIDs: "1 7",
      DefaultDependencies: "false",
      CollectMode: "inactive-or-failed",
      TimeoutStopUSec: "3000000",
      CPUAccounting: "true",
      MemoryAccounting: "true",
      TasksAccounting: "true",
      IOAccounting: "true",
      TasksMax: "9",
    });
    const slice = "2 StopWhenUnneeded b true DefaultDependencies b false";
    expect(systemd.calls[0]).to.match(new RegExp(` 2 a.slice ${slice} a-b.slice ${slice}$`));
  });

  it("say why a scope was not started that systemd took", async () => {
    systemd.started = (unit) => {
      unit.active = "failed";
    };
    const error = await failure(units.startScope(request));
    expect(codeOf(error)).to.equal("KATA_SYSTEMD_UNIT");
    expect(error.message).to.include("x.scope").and.include("failed").and.include('result "resources"');
  });

  it("do not wait for a job for ever", async () => {
    systemd.started = (unit) => {
      unit.active = "activating";
    };
    const error = await failure(units.startScope(request));
    expect(codeOf(error)).to.equal("KATA_DEADLINE");
    expect(error.message).to.include("waited 60 ms for systemd to start the unit x.scope; it is activating");
  });

  it("wait until a unit that is stopped has ended", async () => {
    await units.startScope(request);
    systemd.stopMs = 15;
    await units.stop("x.scope");
    expect(systemd.units.has("x.scope")).to.equal(false);
  });

  it("stop nothing that is not there, also when it goes at that moment", async () => {
    await units.stop("x.scope");
    expect(systemd.calls).to.deep.equal([]);
    await units.startScope(request);
    systemd.refuse = (call) => {
      if (!call.startsWith("StopUnit")) return undefined;
      systemd.units.delete("x.scope");
      return "Unit x.scope not loaded.";
    };
    await units.stop("x.scope");
  });

  it("say what is refused while it is there", async () => {
    await units.startScope(request);
    systemd.refuse = () => "Access denied";
    expect((await failure(units.stop("x.scope"))).message).to.include("Access denied");
    systemd.add("y.scope", "failed");
    expect((await failure(units.forgetFailed("y.scope"))).message).to.include("Access denied");
    systemd.refuse = () => undefined;
    await units.stop("y.scope");
    expect(systemd.calls.at(-1)).to.equal("ResetFailedUnit y.scope");
  });

  it("are not asked to change nothing", async () => {
    await units.set("x.scope", []);
    expect(systemd.calls).to.deep.equal([]);
  });

  it("are undone for those alone whose they are, and where systemd runs", async () => {
    const mine = unitDescription({ namespace: "n", sandboxId: "s" });
    systemd.add("x.scope", "active", mine);
    await undoUnit("x.scope", unitDescription({ namespace: "n", sandboxId: "other" }), units);
    expect(systemd.units.has("x.scope")).to.equal(true);
    await undoUnit("x.scope", mine, units);
    expect(systemd.units.has("x.scope")).to.equal(false);
    await undoUnit("x.scope", mine, undefined);
  });
});
