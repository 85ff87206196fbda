import { expect } from "chai";
import fc from "fast-check";
import { createLogger, silentLogger } from "../../../../src/core/log.js";
import {
  ContainerLimits,
  type LimitsChange,
  type LimitsFollower,
} from "../../../../src/core/sandbox/container-limits.js";
import { mergeResources, undoUpdate } from "../../../../src/core/sandbox/merge-resources.js";

const text = ({ before, after }: Pick<LimitsChange, "before" | "after">) =>
  [before, after]
    .map((all) => [...all].map(([id, one]) => `${id}${one.cpu?.quota ?? ""}`).join("+") || "none")
    .join(">");

/** Notes what it is told; fails where it is told to. */
class Noting implements LimitsFollower {
  readonly #notes: string[];
  readonly name: string;
  failure: string | undefined;

  constructor(name: string, notes: string[]) {
    this.name = name;
    this.#notes = notes;
  }

  grow(change: LimitsChange): Promise<void> {
    return this.#note("grow", change);
  }

  shrink(change: LimitsChange): Promise<void> {
    return this.#note("shrink", change);
  }

  async #note(step: string, change: LimitsChange): Promise<void> {
    this.#notes.push(`${this.name} ${step} ${text(change)}`);
    await new Promise((resolve) => setImmediate(resolve));
    this.#notes.push(`${this.name} done`);
    if (this.failure === step) throw new Error(`${this.name} cannot ${step}`);
  }
}

const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => (error as Error).message,
  );

describe("the limits of a sandbox's containers", () => {
  const quota = (one: number) => ({ cpu: { quota: one } });
  let notes: string[];
  let machine: Noting;
  let cgroup: Noting;
  let lines: string[];
  let limits: ContainerLimits;
  const told = () => notes.filter((one) => !one.endsWith("done")).splice(0);
  const ids = () => [...limits.all.keys()];

  beforeEach(() => {
    notes = [];
    lines = [];
    machine = new Noting("machine", notes);
    cgroup = new Noting("cgroup", notes);
    limits = new ContainerLimits(createLogger((line) => lines.push(line), "warn"));
    limits.follow(machine);
    limits.follow(cgroup);
  });

  it("tells its followers in order, and the guest in between", async () => {
    await limits.add("a", {});
    notes.length = 0;
    await limits.update("a", quota(5), async (resources) => void notes.push(`guest ${JSON.stringify(resources)}`));
    expect(told()).to.deep.equal([
      "machine grow a>a5",
      "cgroup grow a>a5",
      'guest {"cpu":{"quota":5}}',
      "machine shrink a>a5",
      "cgroup shrink a>a5",
    ]);
    notes.length = 0;
    await limits.remove("a");
    expect(told()).to.deep.equal([
      "machine grow a5>none",
      "cgroup grow a5>none",
      "machine shrink a5>none",
      "cgroup shrink a5>none",
    ]);
  });

  it("lets one change come to its end before the next, however many come at once", async () => {
    const act = async () => undefined;
    await Promise.all([
      limits.add("a", {}),
      limits.add("b", {}),
      limits.update("a", quota(1), act),
      limits.remove("b"),
    ]);
    for (let at = 0; at < notes.length; at += 2) expect(notes[at + 1]).to.match(/done$/);
    expect(told().filter((one) => one.startsWith("machine grow"))).to.deep.equal([
      "machine grow none>a",
      "machine grow a>a+b",
      "machine grow a+b>a1+b",
      "machine grow a1+b>a1",
    ]);
  });

  it("undoes what was begun when a follower fails, and rejects with its error", async () => {
    await limits.add("a", {});
    notes.length = 0;
    cgroup.failure = "grow";
    expect(await rejection(limits.add("b", {}))).to.equal("cgroup cannot grow");
    expect(told()).to.deep.equal([
      "machine grow a>a+b",
      "cgroup grow a>a+b",
      "cgroup shrink a+b>a",
      "machine shrink a+b>a",
    ]);
    expect(ids()).to.deep.equal(["a"]);
    cgroup.failure = undefined;
    await limits.add("b", {});
    expect(ids()).to.deep.equal(["a", "b"]);
  });

  it("has the guest go back when a follower cannot shrink", async () => {
    await limits.add("a", { cpu: { quota: 3, shares: 7 } });
    cgroup.failure = "shrink";
    const guest: string[] = [];
    const update = limits.update("a", { cpu: { quota: 1 } }, async (one) => void guest.push(JSON.stringify(one.cpu)));
    expect(await rejection(update)).to.equal("cgroup cannot shrink");
    expect(guest).to.deep.equal(['{"quota":1}', '{"quota":3,"shares":7}']);
    expect(limits.all.get("a")).to.deep.equal({ cpu: { quota: 3, shares: 7 } });
  });

  it("gives the room back when the guest refuses", async () => {
    await limits.add("a", {});
    notes.length = 0;
    expect(await rejection(limits.update("a", quota(1), () => Promise.reject(new Error("the guest's"))))).to.equal(
      "the guest's",
    );
    expect(told().slice(2)).to.deep.equal(["cgroup shrink a1>a", "machine shrink a1>a"]);
    expect(limits.all.get("a")).to.deep.equal({});
  });

  it("counts a container as gone whatever its followers say, and says what they could not give back", async () => {
    await limits.add("a", {});
    machine.failure = "shrink";
    await limits.remove("a");
    expect(ids()).to.deep.equal([]);
    expect(told().at(-1)).to.equal("cgroup shrink a>none");
    expect(lines.join()).to.include("machine cannot shrink");
    notes.length = 0;
    await limits.remove("a");
    expect(notes).to.deep.equal([]);
  });

  it("refuses to change those of a container that is not there", async () => {
    const error = await limits.update("x", {}, async () => undefined).catch((one: unknown) => one);
    expect(error).to.include({ code: "KATA_LIMITS_UNKNOWN", status: "NOT_FOUND" });
  });

  it("keeps what an update does not name", () => {
    const old = {
      memory: { limit: 5, swap: 6 },
      cpu: { quota: 1, period: 2 },
      hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
      unified: { a: "1" },
    };
    expect(
      mergeResources(old, { memory: { limit: 7 }, hugepageLimits: [{ pageSize: "1GB", limit: 2 }] }),
    ).to.deep.equal({
      ...old,
      memory: { limit: 7, swap: 6 },
      hugepageLimits: [
        { pageSize: "2MB", limit: 1 },
        { pageSize: "1GB", limit: 2 },
      ],
    });
    expect(mergeResources({}, {})).to.deep.equal({});
    const zeros = { memory: { limit: 0, swap: 0 }, cpu: { quota: 0, period: 0, shares: 7 } };
    const kept = { memory: { limit: 5 }, cpu: { quota: 6, period: 9 } };
    expect(mergeResources(kept, zeros)).to.deep.equal({ ...kept, cpu: { ...kept.cpu, shares: 7 } });
  });

  it("comes back from an update to the limits there were", () => {
    const size = fc.option(fc.integer({ min: 1, max: 9 }), { nil: -1 });
    const resources = fc.record({
      memory: fc.record({ limit: size, swap: size }, { requiredKeys: [] }),
      cpu: fc.record({ quota: size }, { requiredKeys: [] }),
    });
    const effective = ({ memory, cpu }: { memory?: object; cpu?: object }) => ({
      limit: -1,
      swap: -1,
      quota: -1,
      ...memory,
      ...cpu,
    });
    fc.assert(
      fc.property(resources, resources, (old, update) => {
        const back = mergeResources(mergeResources(old, update), undoUpdate(old, update));
        expect(effective(back)).to.deep.equal(effective(old));
      }),
    );
  });

  it("lets a container live without followers", async () => {
    const alone = new ContainerLimits(silentLogger);
    await alone.add("a", {});
    await alone.remove("a");
    expect(alone.all.size).to.equal(0);
  });
});
