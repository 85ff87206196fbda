import { expect } from "chai";
import fc from "fast-check";
import { sandboxLimits, vmmOverhead } from "../../../../src/core/cgroup/sandbox-limits.js";
import { widerLimits } from "../../../../src/core/cgroup/wider-limits.js";
import type { OciLinuxResources } from "../../../../src/core/oci/spec.js";

const MiB = 1024 * 1024;
const share = { vcpus: 1, memory: 2048 * MiB, machine: 2048 * MiB, emulated: false };

function limits(containers: Readonly<Record<string, OciLinuxResources>>, notCounted = "pause", own = share) {
  const all = new Map(Object.entries(containers));
  return sandboxLimits(all, new Set([...all.keys()].filter((id) => id !== notCounted)), own);
}

const cpu = (quota?: number, period?: number) => ({
  cpu: { ...(quota !== undefined && { quota }), ...(period !== undefined && { period }) },
});
const memory = (limit?: number, swap?: number) => ({
  memory: { ...(limit !== undefined && { limit }), ...(swap !== undefined && { swap }) },
});

describe("the limits of a sandbox", () => {
  it("are none without containers, and of one that has none", () => {
    expect(limits({})).to.deep.equal({ cpu: {}, memory: {} });
    expect(limits({ a: {}, pause: { cpu: { quota: 100, shares: 2 } } })).to.deep.equal({ cpu: {}, memory: {} });
  });

  it("have the sum of the quotas, whatever their periods, and the machine's own CPUs", () => {
    expect(limits({ a: cpu(50_000), b: cpu(10_000, 20_000), pause: {} }).cpu).to.deep.equal({
      quota: 200_000,
      period: 100_000,
    });
  });

  it("have no quota when one container has none", () => {
    for (const quota of [undefined, -1, 0]) {
      expect(limits({ a: cpu(50_000), b: cpu(quota) }).cpu).to.deep.equal({});
    }
  });

  it("have the sum of the shares, as soon as one container has some", () => {
    expect(limits({ a: { cpu: { shares: 512 } }, b: {} }).cpu).to.deep.equal({ shares: 1536 });
  });

  it("have all CPUs and memory nodes that a container names", () => {
    const all = { a: { cpu: { cpus: "0-1", mems: "0" } }, b: { cpu: { cpus: "1,3" } }, c: {} };
    expect(limits(all).cpu).to.deep.equal({ cpus: "0-1,3", mems: "0" });
  });

  it("have room for the machine's own memory, and for its VMM", () => {
    const guest = (2048 + 300) * MiB;
    const limit = guest + vmmOverhead(guest, false);
    expect(limits({ a: memory(100 * MiB), b: memory(200 * MiB) }).memory).to.deep.equal({ limit });
    expect(vmmOverhead(guest, false)).to.equal(512 * MiB + guest / 64);
    expect(vmmOverhead(guest, true)).to.equal(1536 * MiB + guest / 64);
  });

  it("have no limit of memory when one container has none", () => {
    expect(limits({ a: memory(100 * MiB), b: {} }).memory).to.deep.equal({});
    expect(limits({ a: memory(100 * MiB), b: memory(-1) }).memory).to.deep.equal({});
  });

  it("have the swap of the containers on top of the memory, if all have some", () => {
    const of = (swap: number) => limits({ a: memory(100 * MiB, swap), b: memory(100 * MiB, 100 * MiB) }).memory;
    const { limit = 0, swap } = of(150 * MiB) ?? {};
    expect(swap).to.equal(limit + 50 * MiB);
    expect(of(-1)).to.deep.equal({ limit });
  });

  it("have throttles of devices that all containers have, and the greatest weights", () => {
    const device = (rate: number) => ({ throttleReadBpsDevice: [{ major: 8, minor: 0, rate }] });
    const a = { blockIO: { weight: 100, ...device(1000), throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 5 }] } };
    const b = { blockIO: { weight: 300, ...device(500) } };
    expect(limits({ a, b }).blockIO).to.deep.equal({ weight: 300, ...device(1500) });
  });

  it("are not for processes, which a guest has none of", () => {
    expect(limits({ a: { pids: { limit: 10 } } })).to.deep.equal({ cpu: {}, memory: {} });
  });

  for (const [resources, field] of [
    [{ cpu: { cpus: 7 } }, "linux.resources.cpu.cpus"],
    [{ blockIO: { weight: 5 } }, "linux.resources.blockIO.weight"],
    [{ blockIO: { throttleReadBpsDevice: {} } }, "linux.resources.blockIO.throttleReadBpsDevice"],
    [{ blockIO: { weightDevice: [{ major: -1, minor: 0, weight: 10 }] } }, "weightDevice[0].major"],
  ] as const) {
    it(`of ${JSON.stringify(resources)} are refused by name`, () => {
      expect(() => limits({ a: resources as unknown as OciLinuxResources })).to.throw(field);
    });
  }

  const resources: fc.Arbitrary<OciLinuxResources> = fc.record(
    {
      cpu: fc.record(
        {
          quota: fc.integer({ min: -1, max: 10_000_000 }),
          period: fc.integer({ min: 1000, max: 1_000_000 }),
          shares: fc.integer({ min: 0, max: 300_000 }),
          cpus: fc.constantFrom("", "0", "0-3", "2,5"),
        },
        { requiredKeys: [] },
      ),
      memory: fc.record(
        { limit: fc.integer({ min: -1, max: 2 ** 40 }), swap: fc.integer({ min: -1, max: 2 ** 41 }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  const pods = fc.dictionary(fc.constantFrom("a", "b", "c", "pause"), resources);

  it("never let a machine run out of memory before its guest does", () => {
    fc.assert(
      fc.property(pods, fc.nat(2 ** 40), (all, machine) => {
        const { memory: own } = limits(all, "pause", { ...share, machine });
        if (own?.limit === undefined) return;
        expect(own.limit).to.be.at.least(Math.max(machine, share.memory) + 512 * MiB);
        if (own.swap !== undefined) expect(own.swap).to.be.at.least(own.limit);
      }),
    );
  });

  it("in between, while they change, take away nothing of what was and what will be", () => {
    fc.assert(
      fc.property(pods, pods, (before, after) => {
        const [one, other] = [limits(before), limits(after)];
        const between = widerLimits(one, other);
        for (const { cpu: itsCpu, memory: itsMemory } of [one, other]) {
          const most = (value: number | undefined) => value ?? Number.POSITIVE_INFINITY;
          expect(most(between.cpu?.quota)).to.be.at.least(most(itsCpu?.quota));
          expect(most(between.memory?.limit)).to.be.at.least(most(itsMemory?.limit));
          if (between.cpu?.cpus !== undefined) expect(itsCpu?.cpus).to.be.a("string");
        }
        expect(widerLimits(one, one)).to.deep.equal(one);
      }),
    );
  });
});
