import type { ContainerStats } from "../../../core/contracts/container-stats.js";
import type { BlkioStats, BlkioStatsEntry, StatsContainerResponse } from "../../../core/proto/gen/kata/agent.js";

type IoStats = ContainerStats["io"][number];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What the kernel writes as a memory limit where there is none. */
const noLimit = 0x7fff_ffff_ffff_f000n;

/** Numbers of the guest in the form the runtime uses. What it does not count, 0 in the protocol, is absent here. */
export function toContainerStats(response: StatsContainerResponse): ContainerStats {
  const { cpuStats, memoryStats, pidsStats, blkioStats, hugetlbStats = {} } = response.cgroupStats ?? {};
  const { cpuUsage, throttlingData: throttling } = cpuStats ?? {};
  const { usage: memory, swapUsage: swap } = memoryStats ?? {};
  return {
    cpu: {
      usage: cpuUsage?.totalUsage ?? 0n,
      user: cpuUsage?.usageInUsermode ?? 0n,
      system: cpuUsage?.usageInKernelmode ?? 0n,
      ...(cpuUsage !== undefined && cpuUsage.percpuUsage.length > 0 && { perCpu: cpuUsage.percpuUsage }),
      ...(throttling && {
        periods: throttling.periods,
        throttledPeriods: throttling.throttledPeriods,
        throttledTime: throttling.throttledTime,
      }),
    },
    memory: {
      usage: memory?.usage ?? 0n,
      limit: memory === undefined || memory.limit === 0n ? noLimit : memory.limit,
      ...(memory !== undefined && memory.maxUsage > 0n && { maxUsage: memory.maxUsage }),
      ...(memory && { failures: memory.failcnt }),
      ...(swap && { swapUsage: swap.usage }),
      ...(swap !== undefined && swap.limit > 0n && { swapLimit: swap.limit }),
      details: new Map(Object.entries(memoryStats?.stats ?? {})),
    },
    pids: {
      current: pidsStats?.current ?? 0n,
      ...(pidsStats !== undefined && pidsStats.limit > 0n && { limit: pidsStats.limit }),
    },
    io: blkioStats === undefined ? [] : toIo(blkioStats),
    hugepages: new Map(
      Object.entries(hugetlbStats).map(([size, { usage, maxUsage, failcnt: failures }]) => [
        size,
        { usage, failures, ...(maxUsage > 0n && { maxUsage }) },
      ]),
    ),
    network: response.networkStats,
  };
}

/** One entry a device and kind of request, gathered into one a device. */
function toIo(stats: BlkioStats): IoStats[] {
  const devices = new Map<string, Mutable<IoStats>>();
  const add = (entries: readonly BlkioStatsEntry[], reads: keyof IoStats, writes: keyof IoStats): void => {
    for (const { major, minor, op, value } of entries) {
      const key = `${major}:${minor}`;
      const none = { major, minor, readBytes: 0n, writtenBytes: 0n, reads: 0n, writes: 0n };
      const device = devices.get(key) ?? none;
      devices.set(key, device);
      const kind = op.toLowerCase();
      if (kind === "read") device[reads] += value;
      else if (kind === "write") device[writes] += value;
    }
  };
  add(stats.ioServiceBytesRecursive, "readBytes", "writtenBytes");
  add(stats.ioServicedRecursive, "reads", "writes");
  return [...devices.values()];
}
