import { expect } from "chai";
import type { OciLinuxResources } from "../../../../../src/core/oci/spec.js";
import { ioWeight, limitsOf, weightOfShares } from "../../../../../src/plugins/cgroups/v2/limits.js";

const written = (resources: OciLinuxResources): string[] =>
  limitsOf(resources, { cpus: "0-7", mems: "0" }).map(
    ({ choices: [{ file, value, reset }] }) => `${file}: ${value} (${reset})`,
  );

describe("limits of cgroup v2", () => {
  it("are the files of the kernel", () => {
    expect(
      written({
        cpu: { cpus: "0,1", mems: "0", shares: 1024, quota: 150_000, period: 50_000 },
        memory: { limit: 1000, reservation: 500, swap: 1500 },
        pids: { limit: 7 },
      }),
    ).to.deep.equal([
      "cpuset.cpus: 0-1 (0-7)",
      "cpuset.mems: 0 (0)",
      "cpu.weight: 39 (100)",
      "cpu.max: 150000 50000 (max 100000)",
      "memory.low: 500 (0)",
      "memory.max: 1000 (max)",
      "memory.swap.max: 500 (max)",
      "pids.max: 7 (max)",
    ]);
  });

  it("are left out where there are none", () => {
    const none = { cpu: { shares: 0, quota: -1, period: 100_000, cpus: "" }, memory: { limit: -1, swap: -1 } };
    expect(written({ ...none, pids: { limit: 0 }, blockIO: {} })).to.deep.equal([]);
    expect(written({})).to.deep.equal([]);
  });

  it("have the weights that runc makes of v1's", () => {
    expect([2, 512, 1024, 262_144, 1, 999_999].map(weightOfShares)).to.deep.equal([1, 20, 39, 10_000, 1, 10_000]);
    expect([10, 500, 1000].map(ioWeight)).to.deep.equal([1, 4950, 10_000]);
  });

  it("of I/O name their device, and BFQ's weight goes first", () => {
    const device = { major: 8, minor: 16 };
    const limits = limitsOf(
      {
        blockIO: {
          weight: 500,
          weightDevice: [{ ...device, weight: 10 }],
          throttleWriteIOPSDevice: [{ ...device, rate: 9 }],
        },
      },
      { cpus: "", mems: "" },
    );
    expect(limits.map(({ choices }) => choices.map(({ file, value }) => `${file}: ${value}`))).to.deep.equal([
      ["io.bfq.weight: default 500", "io.weight: default 4950"],
      ["io.bfq.weight: 8:16 10", "io.weight: 8:16 1"],
      ["io.max: 8:16 wiops=9"],
    ]);
  });

  it("of swap include the memory", () => {
    expect(() => written({ memory: { limit: 1000, swap: 999 } })).to.throw(
      "linux.resources.memory.swap is 999, not at least",
    );
    expect(() => written({ memory: { swap: 999 } })).to.throw(
      "linux.resources.memory.swap is 999, not with a memory.limit",
    );
  });
});
