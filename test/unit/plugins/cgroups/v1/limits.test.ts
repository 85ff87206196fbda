import { expect } from "chai";
import { limitsOf } from "../../../../../src/plugins/cgroups/v1/limits.js";

const inherited = { cpus: "0-7", mems: "0" };

describe("limits of cgroup v1", () => {
  it("are the files of the kernel", () => {
    const limits = limitsOf(
      {
        cpu: { cpus: "0,1", shares: 1, quota: 150_000, period: 50_000 },
        memory: { limit: 1000, reservation: 500, swap: 1500 },
        pids: { limit: 7 },
        blockIO: { weight: 300, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }] },
      },
      inherited,
    );
    expect(
      limits.map(({ controller, choices: [{ file, value, reset }] }) => [controller, file, value, reset]),
    ).to.deep.equal([
      ["cpuset", "cpuset.cpus", "0-1", "0-7"],
      ["cpu", "cpu.shares", "2", "1024"],
      ["cpu", "cpu.cfs_period_us", "50000", "100000"],
      ["cpu", "cpu.cfs_quota_us", "150000", "-1"],
      ["memory", "memory.soft_limit_in_bytes", "500", "-1"],
      ["memory", "memory.limit_in_bytes", "1000", "-1"],
      ["memory", "memory.memsw.limit_in_bytes", "1500", "-1"],
      ["pids", "pids.max", "7", "max"],
      ["blkio", "blkio.bfq.weight", "300", "100"],
      ["blkio", "blkio.throttle.read_bps_device", "8:0 1000", "8:0 0"],
    ]);
  });

  it("are left out where there are none", () => {
    expect(limitsOf({ cpu: { quota: -1, period: 100_000 }, memory: { limit: 0, swap: -1 } }, inherited)).to.deep.equal(
      [],
    );
  });
});
