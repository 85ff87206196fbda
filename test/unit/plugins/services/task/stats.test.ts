import { expect } from "chai";
import type { ContainerStats } from "../../../../../src/core/contracts/container-stats.js";
import { Metrics as MetricsV1 } from "../../../../../src/core/proto/gen/cgroups/v1.js";
import { Metrics as MetricsV2 } from "../../../../../src/core/proto/gen/cgroups/v2.js";
import { toStatsAny } from "../../../../../src/plugins/services/task/stats.js";

const stats = (details: [string, bigint][]): ContainerStats => ({
  cpu: {
    usage: 5_000_000n,
    user: 3_000_000n,
    system: 2_000_000n,
    periods: 4n,
    throttledPeriods: 1n,
    throttledTime: 7_000n,
  },
  memory: {
    usage: 1000n,
    maxUsage: 2000n,
    limit: 4096n,
    failures: 2n,
    swapUsage: 5n,
    swapLimit: 6n,
    details: new Map(details),
  },
  pids: { current: 3n, limit: 10n },
  io: [{ major: 254n, minor: 1n, readBytes: 10n, writtenBytes: 20n, reads: 1n, writes: 2n }],
  hugepages: new Map([["2MB", { usage: 4n, maxUsage: 8n }]]),
  network: [
    {
      name: "eth0",
      rxBytes: 1n,
      rxPackets: 2n,
      rxErrors: 3n,
      rxDropped: 4n,
      txBytes: 5n,
      txPackets: 6n,
      txErrors: 7n,
      txDropped: 8n,
    },
  ],
});

const guestV2: [string, bigint][] = [
  ["anon", 300n],
  ["file", 600n],
  ["inactive_file", 400n],
  ["pgmajfault", 9n],
];
const guestV1: [string, bigint][] = [
  ["inactive_file", 1n],
  ["total_inactive_file", 400n],
  ["rss", 2n],
  ["total_rss", 300n],
  ["total_cache", 600n],
  ["total_pgmajfault", 9n],
];

describe("toStatsAny", () => {
  for (const [guest, details] of [
    ["cgroup v2", guestV2],
    ["cgroup v1", guestV1],
  ] as const) {
    it(`writes what containerd subtracts from the usage, on a v1 host, from a guest with ${guest}`, () => {
      const any = toStatsAny(stats(details), 1);
      expect(any.typeUrl).to.equal("io.containerd.cgroups.v1.Metrics");
      const { memory } = MetricsV1.decode(any.value);
      expect(memory?.usage).to.deep.equal({ usage: 1000n, limit: 4096n, max: 2000n, failcnt: 2n });
      expect(memory).to.include({ totalInactiveFile: 400n, totalRss: 300n, totalCache: 600n, totalPgMajFault: 9n });
      expect(memory?.swap).to.include({ usage: 5n, limit: 6n });
    });

    it(`writes what containerd subtracts from the usage, on a v2 host, from a guest with ${guest}`, () => {
      const any = toStatsAny(stats(details), 2);
      expect(any.typeUrl).to.equal("io.containerd.cgroups.v2.Metrics");
      const { memory } = MetricsV2.decode(any.value);
      expect(memory).to.include({ usage: 1000n, usageLimit: 4096n, inactiveFile: 400n, anon: 300n, file: 600n });
    });
  }

  it("has nanoseconds in v1 and microseconds in v2", () => {
    const v1 = MetricsV1.decode(toStatsAny(stats([]), 1).value);
    expect(v1.cpu?.usage).to.include({ total: 5_000_000n, user: 3_000_000n, kernel: 2_000_000n });
    expect(v1.cpu?.throttling).to.deep.equal({ periods: 4n, throttledPeriods: 1n, throttledTime: 7_000n });
    const v2 = MetricsV2.decode(toStatsAny(stats([]), 2).value);
    expect(v2.cpu).to.include({
      usageUsec: 5_000n,
      userUsec: 3_000n,
      systemUsec: 2_000n,
      throttledUsec: 7n,
      nrThrottled: 1n,
    });
  });

  it("carries processes, devices, huge pages and links in both", () => {
    const v1 = MetricsV1.decode(toStatsAny(stats([]), 1).value);
    const v2 = MetricsV2.decode(toStatsAny(stats([]), 2).value);
    for (const metrics of [v1, v2]) {
      expect(metrics.pids).to.deep.equal({ current: 3n, limit: 10n });
      expect(metrics.network[0]).to.deep.equal(stats([]).network[0]);
      expect(metrics.hugetlb[0]).to.include({ pagesize: "2MB", max: 8n });
    }
    expect(v1.blkio?.ioServiceBytesRecursive.map(({ op, value }) => [op, value])).to.deep.equal([
      ["Read", 10n],
      ["Write", 20n],
    ]);
    expect(v2.io?.usage[0]).to.deep.equal({ major: 254n, minor: 1n, rbytes: 10n, wbytes: 20n, rios: 1n, wios: 2n });
  });
});
