import { expect } from "chai";
import fc from "fast-check";
import { codeOf } from "../../../../src/core/errors/error.js";
import type { OciLinuxResources } from "../../../../src/core/oci/spec.js";
import { demandOf, podDemand } from "../../../../src/core/sizing/limits.js";
import { atMost, defaultSize, fixedSizeFor, mostOf, sizeFor, sumOf } from "../../../../src/core/sizing/machine-size.js";

const MiB = 2 ** 20;
const keys = {
  default_vcpus: 1,
  overhead_vcpus: 0.2,
  default_maxvcpus: 8,
  default_memory: 2048,
  overhead_memory: 32,
  default_maxmemory: 16_384,
};
const cpu = (quota: number, period = 100_000): OciLinuxResources => ({ cpu: { quota, period } });
const limit = (bytes: number): OciLinuxResources => ({ memory: { limit: bytes } });
const sized = (resources: readonly OciLinuxResources[], more: Partial<typeof keys> = {}) =>
  sizeFor(resources.map(demandOf), { ...keys, ...more });
const failureOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return expect.fail("it should have failed");
};

describe("the size of a machine", () => {
  it("without limits is the configured one, at least one vCPU and an even number of MiB", () => {
    expect(defaultSize(keys)).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
    expect(defaultSize({ ...keys, default_vcpus: 0, default_memory: 255 })).to.deep.equal({ vcpus: 1, memoryMiB: 256 });
    expect(defaultSize({ ...keys, default_vcpus: 1.2 }).vcpus).to.equal(2);
    expect(sized([])).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
    expect(sized([{}, { cpu: { shares: 2 } }])).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
  });

  it("grows by the sum of all quotas, of which fractions add up before they are rounded", () => {
    expect(sized([cpu(200_000)]).vcpus).to.equal(3);
    expect(sized([cpu(50_000), cpu(50_000)]).vcpus).to.equal(2);
    expect(sized([cpu(10_000), cpu(20_000), cpu(70_000)]).vcpus).to.equal(2);
    expect(sized([cpu(10_000), cpu(20_000), cpu(70_001)]).vcpus).to.equal(3);
    expect(sized([cpu(1, 3), cpu(1, 3), cpu(1, 3)]).vcpus, "thirds of different periods").to.equal(2);
    expect(sized([cpu(50_000)], { default_vcpus: 0.5 }).vcpus).to.equal(1);
    expect(sized([cpu(50_000, 0)]).vcpus, "a period that is not said").to.equal(2);
  });

  it("without any quota has as many vCPUs as there are CPUs to run on, and no fewer than the configured", () => {
    const on = (cpus: string): OciLinuxResources => ({ cpu: { cpus } });
    expect(sized([on("0-3,8"), on("2-5")]).vcpus).to.equal(7);
    expect(sized([on("5")], { default_vcpus: 2 }).vcpus).to.equal(2);
    expect(sized([on("0-7"), cpu(100_000)]).vcpus, "a quota counts more").to.equal(2);
    expect(sized([on(" 1, ,2 ")]).vcpus).to.equal(2);
  });

  it("grows by the sum of all limits of memory and huge pages", () => {
    expect(sized([limit(100 * MiB), limit(20 * MiB)]).memoryMiB).to.equal(2048 + 120);
    expect(sized([limit(1)]).memoryMiB).to.equal(2050);
    const pages = [
      { pageSize: "2MB", limit: 4 * MiB },
      { pageSize: "1GB", limit: 1024 * MiB },
    ];
    expect(sized([{ ...limit(2 * MiB), hugepageLimits: pages }]).memoryMiB).to.equal(2048 + 2 + 4 + 1024);
  });

  it("takes for no limit what is none", () => {
    for (const none of [0, -1, -5, 2 ** 63, 9_223_372_036_854_771_712]) {
      expect(sized([limit(none), cpu(none)]), String(none)).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
    }
  });

  it("names a value that makes no sense", () => {
    const wrong: readonly [OciLinuxResources, string][] = [
      [{ cpu: { quota: 5, period: -1 } }, "linux.resources.cpu.period is -1"],
      [{ cpu: { quota: 0.5 } }, "linux.resources.cpu.quota is 0.5"],
      [{ cpu: { quota: "much" as never } }, 'linux.resources.cpu.quota is "much"'],
      [limit(Number.NaN), "linux.resources.memory.limit is null"],
      [{ hugepageLimits: [{ pageSize: "2MB", limit: 1.5 }] }, "linux.resources.hugepageLimits 2MB is 1.5"],
      [{ cpu: { cpus: "3-1" } }, 'linux.resources.cpu.cpus is "3-1"'],
      [{ cpu: { cpus: "0-99999" } }, 'linux.resources.cpu.cpus is "0-99999"'],
      [{ cpu: { cpus: "all" } }, 'linux.resources.cpu.cpus is "all"'],
    ];
    for (const [resources, message] of wrong) {
      const error = failureOf(() => demandOf(resources)) as Error;
      expect(codeOf(error)).to.equal("KATA_SIZE_INVALID");
      expect(error.message).to.include(message);
    }
  });

  it("is that of the pod's annotations, which may be wrong", () => {
    const pod = (quota: string, period: string, memory: string) => ({
      "io.kubernetes.cri.sandbox-cpu-quota": quota,
      "io.kubernetes.cri.sandbox-cpu-period": period,
      "io.kubernetes.cri.sandbox-memory": memory,
    });
    const fixed = (written: Record<string, string>) => fixedSizeFor([podDemand(written)], keys);
    expect(fixed(pod("220000", "100000", String(512 * MiB)))).to.deep.equal({ vcpus: 3, memoryMiB: 544 });
    expect(fixed(pod("0", "100000", "0"))).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
    expect(fixed({})).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
    for (const bad of [pod("1.5", "", ""), pod("", "", "1Gi"), pod("5", "-3", ""), pod("9".repeat(30), "", "")])
      expect(codeOf(failureOf(() => podDemand(bad)))).to.equal("KATA_SIZE_INVALID");
  });

  it("that never changes is the limits and what the guest needs, each where it is known", () => {
    const fixed = (...all: OciLinuxResources[]) => fixedSizeFor(all.map(demandOf), keys);
    expect(fixed(cpu(80_000))).to.deep.equal({ vcpus: 1, memoryMiB: 2048 });
    expect(fixed(cpu(80_001))).to.deep.equal({ vcpus: 2, memoryMiB: 2048 });
    expect(fixed(limit(100 * MiB))).to.deep.equal({ vcpus: 1, memoryMiB: 132 });
    expect(fixed(limit(1 * MiB)).memoryMiB, "the least that boots").to.equal(128);
    expect(fixedSizeFor([demandOf(limit(MiB))], { ...keys, default_memory: 64 }).memoryMiB).to.equal(64);
    expect(fixed(limit(100 * MiB), cpu(1000))).to.deep.equal({ vcpus: 1, memoryMiB: 132 });
  });

  it("ends where configuration has it end", () => {
    expect(atMost({ vcpus: 9, memoryMiB: 99_999 }, mostOf(keys))).to.deep.equal({ vcpus: 8, memoryMiB: 16_384 });
    expect(atMost({ vcpus: 2, memoryMiB: 512 }, mostOf(keys))).to.deep.equal({ vcpus: 2, memoryMiB: 512 });
    const boundless = mostOf({ ...keys, default_maxvcpus: 0, default_maxmemory: 0 });
    expect(atMost({ vcpus: 9, memoryMiB: 99_999 }, boundless)).to.deep.equal({ vcpus: 9, memoryMiB: 99_999 });
  });

  const resources = fc.record({
    cpu: fc.record({ quota: fc.integer({ min: -1, max: 10_000_000 }), period: fc.integer({ min: 0, max: 1_000_000 }) }),
    memory: fc.record({ limit: fc.integer({ min: -1, max: 2 ** 45 }) }),
  });

  it("has room for all limits together and hardly more, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(resources, { maxLength: 6 }), (all) => {
        const size = sized(all);
        const time = all.reduce((total, { cpu: { quota, period } }) => total + Math.max(0, quota) / (period || 1e5), 0);
        const bytes = all.reduce((total, { memory }) => total + Math.max(0, memory.limit), 0);
        expect(size.vcpus).to.be.within(1 + time - 1e-6, 2 + time + 1e-6);
        expect(size.memoryMiB).to.be.within(2048 + bytes / MiB, 2048 + bytes / MiB + 2);
        expect(size.memoryMiB % 2).to.equal(0);
        const least = sumOf(all.map(demandOf));
        expect(size.vcpus).to.be.at.least(least.vcpus);
        expect(size.memoryMiB).to.be.at.least(least.memoryMiB);
      }),
    );
  });

  it("is the same in whatever order the containers are, and no smaller with one more", () => {
    fc.assert(
      fc.property(fc.array(resources, { minLength: 1, maxLength: 6 }), (all) => {
        expect(sized(all.toReversed())).to.deep.equal(sized(all));
        const fewer = sized(all.slice(1));
        const size = sized(all);
        expect(size.vcpus).to.be.at.least(fewer.vcpus);
        expect(size.memoryMiB).to.be.at.least(fewer.memoryMiB);
      }),
    );
  });
});
