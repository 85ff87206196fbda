import { expect } from "chai";
import * as fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  parseFlatKeyed,
  parseIoStat,
  parseNetDev,
  readCgroupStats,
} from "../../../../../guest/agent/observe/cgroup-stats.js";
import { toContainerStats } from "../../../../../src/plugins/agents/kata/stats.js";

const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    3    4    0     0          0         0      500       6    7    8    0     0       0          0
  eth0:1000 20 0 0 0 0 0 0 5000 60 0 0 0 0 0 0
`;

describe("statistics of a control group", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "stats-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const files = (content: Record<string, string>): void => {
    for (const [name, text] of Object.entries(content)) writeFileSync(join(directory, name), text);
  };

  it("are read from the kernel's files, times in nanoseconds", async () => {
    files({
      "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 2\nthrottled_usec 7\n",
      "memory.current": "4096\n",
      "memory.peak": "8192\n",
      "memory.max": "1048576\n",
      "memory.swap.current": "0\n",
      "memory.swap.max": "max\n",
      "memory.stat": "anon 100\nfile 200\n",
      "memory.events": "low 0\nmax 5\noom 1\n",
      "pids.current": "3\n",
      "pids.max": "max\n",
      "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
      "hugetlb.2MB.current": "2097152\n",
      "hugetlb.2MB.events": "max 9\n",
    });
    const stats = toContainerStats({ cgroupStats: await readCgroupStats(directory), networkStats: [] });
    expect(stats.cpu).to.include({ usage: 30_000n, user: 20_000n, system: 10_000n, throttledTime: 7000n });
    expect(stats.memory).to.include({ usage: 4096n, maxUsage: 8192n, limit: 1_048_576n, failures: 5n, swapUsage: 0n });
    expect(stats.memory.details.get("file")).to.equal(200n);
    expect(stats.pids).to.deep.equal({ current: 3n });
    expect(stats.io).to.deep.equal([
      { major: 8n, minor: 0n, readBytes: 10n, writtenBytes: 20n, reads: 1n, writes: 2n },
    ]);
    expect(stats.hugepages).to.deep.equal(new Map([["2MB", { usage: 2_097_152n, failures: 9n }]]));
  });

  it("say that there is no limit as the kernel would", async () => {
    files({ "memory.max": "max\n", "pids.max": "100\n" });
    const stats = toContainerStats({ cgroupStats: await readCgroupStats(directory), networkStats: [] });
    expect(stats.memory.limit).to.equal(2n ** 63n - 4096n);
    expect(stats.pids.limit).to.equal(100n);
  });

  it("of one that is gone are an error", async () => {
    const outcome = await readCgroupStats(join(directory, "gone")).catch((error: NodeJS.ErrnoException) => error.code);
    expect(outcome).to.equal("ENOENT");
  });

  it("include the guest's interfaces", () => {
    expect(parseNetDev(netDev)).to.deep.equal([
      {
        name: "lo",
        rxBytes: 100n,
        rxPackets: 2n,
        rxErrors: 3n,
        rxDropped: 4n,
        txBytes: 500n,
        txPackets: 6n,
        txErrors: 7n,
        txDropped: 8n,
      },
      {
        name: "eth0",
        rxBytes: 1000n,
        rxPackets: 20n,
        rxErrors: 0n,
        rxDropped: 0n,
        txBytes: 5000n,
        txPackets: 60n,
        txErrors: 0n,
        txDropped: 0n,
      },
    ]);
  });

  it("are parsed whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseFlatKeyed(text);
        parseIoStat(text);
        parseNetDev(text);
      }),
    );
  });
});
