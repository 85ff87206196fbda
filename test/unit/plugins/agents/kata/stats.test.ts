import { expect } from "chai";
import { StatsContainerResponse } from "../../../../../src/core/proto/gen/kata/agent.js";
import { toContainerStats } from "../../../../../src/plugins/agents/kata/stats.js";

describe("statistics from the guest", () => {
  it("are put in the runtime's form", () => {
    const stats = toContainerStats(
      StatsContainerResponse.fromPartial({
        cgroupStats: {
          cpuStats: {
            cpuUsage: { totalUsage: 30n, usageInUsermode: 20n, usageInKernelmode: 10n },
            throttlingData: { periods: 3n, throttledPeriods: 2n, throttledTime: 1n },
          },
          memoryStats: {
            usage: { usage: 4096n, maxUsage: 8192n, limit: 1n << 20n, failcnt: 5n },
            swapUsage: { usage: 1n, limit: 2n },
            stats: { anon: 7n },
          },
          pidsStats: { current: 2n, limit: 0n },
          blkioStats: {
            ioServiceBytesRecursive: [
              { major: 8n, minor: 0n, op: "Read", value: 100n },
              { major: 8n, minor: 0n, op: "write", value: 50n },
              { major: 8n, minor: 16n, op: "Discard", value: 9n },
            ],
            ioServicedRecursive: [{ major: 8n, minor: 0n, op: "Read", value: 4n }],
          },
          hugetlbStats: { "2MB": { usage: 2n, maxUsage: 0n, failcnt: 1n } },
        },
        networkStats: [{ name: "lo", rxBytes: 1n }],
      }),
    );
    expect(stats.cpu).to.deep.equal({
      usage: 30n,
      user: 20n,
      system: 10n,
      periods: 3n,
      throttledPeriods: 2n,
      throttledTime: 1n,
    });
    expect(stats.memory).to.deep.equal({
      usage: 4096n,
      maxUsage: 8192n,
      limit: 1n << 20n,
      failures: 5n,
      swapUsage: 1n,
      swapLimit: 2n,
      details: new Map([["anon", 7n]]),
    });
    expect(stats.pids).to.deep.equal({ current: 2n });
    expect(stats.io).to.deep.equal([
      { major: 8n, minor: 0n, readBytes: 100n, writtenBytes: 50n, reads: 4n, writes: 0n },
      { major: 8n, minor: 16n, readBytes: 0n, writtenBytes: 0n, reads: 0n, writes: 0n },
    ]);
    expect(stats.hugepages).to.deep.equal(new Map([["2MB", { usage: 2n, failures: 1n }]]));
    expect(stats.network[0]).to.include({ name: "lo", rxBytes: 1n });
  });

  it("say what is not counted by its absence", () => {
    const stats = toContainerStats(StatsContainerResponse.fromPartial({}));
    expect(stats.cpu).to.have.keys("usage", "user", "system");
    expect(stats.memory).to.have.keys("usage", "limit", "details");
    expect(stats.memory.limit).to.equal(2n ** 63n - 4096n);
    expect(stats.pids).to.have.keys("current");
    expect(stats.io).to.deep.equal([]);
  });
});
