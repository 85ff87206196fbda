import type { ContainerStats } from "../../../core/contracts/container-stats.js";
import { type BlkIOEntry, Metrics } from "../../../core/proto/gen/cgroups/v1.js";
import { memoryDetails } from "./memory-details.js";

/**
 * The statistics in the form of cgroup v1. The CRI subtracts `total_inactive_file` from the usage to get the working set,
 * so the totals are filled from a v2 guest too.
 */
export function toMetricsV1(stats: ContainerStats): Metrics {
  const { cpu, memory, pids } = stats;
  const details = memoryDetails(memory.details);
  return Metrics.fromPartial({
    pids: { current: pids.current, limit: pids.limit ?? 0n },
    cpu: {
      usage: { total: cpu.usage, user: cpu.user, kernel: cpu.system, perCpu: [...(cpu.perCpu ?? [])] },
      throttling: {
        periods: cpu.periods ?? 0n,
        throttledPeriods: cpu.throttledPeriods ?? 0n,
        throttledTime: cpu.throttledTime ?? 0n,
      },
    },
    memory: {
      cache: details.cache,
      rss: details.rss,
      rssHuge: details.rssHuge,
      mappedFile: details.mapped,
      dirty: details.dirty,
      writeback: details.writeback,
      pgPgIn: details.pagesIn,
      pgPgOut: details.pagesOut,
      pgFault: details.faults,
      pgMajFault: details.majorFaults,
      inactiveAnon: details.inactiveAnon,
      activeAnon: details.activeAnon,
      inactiveFile: details.inactiveFile,
      activeFile: details.activeFile,
      unevictable: details.unevictable,
      hierarchicalMemoryLimit: memory.limit,
      hierarchicalSwapLimit: memory.swapLimit ?? 0n,
      totalCache: details.cache,
      totalRss: details.rss,
      totalRssHuge: details.rssHuge,
      totalMappedFile: details.mapped,
      totalDirty: details.dirty,
      totalWriteback: details.writeback,
      totalPgPgIn: details.pagesIn,
      totalPgPgOut: details.pagesOut,
      totalPgFault: details.faults,
      totalPgMajFault: details.majorFaults,
      totalInactiveAnon: details.inactiveAnon,
      totalActiveAnon: details.activeAnon,
      totalInactiveFile: details.inactiveFile,
      totalActiveFile: details.activeFile,
      totalUnevictable: details.unevictable,
      usage: {
        usage: memory.usage,
        limit: memory.limit,
        max: memory.maxUsage ?? 0n,
        failcnt: memory.failures ?? 0n,
      },
      ...(memory.swapUsage !== undefined && { swap: { usage: memory.swapUsage, limit: memory.swapLimit ?? 0n } }),
    },
    blkio: {
      ioServiceBytesRecursive: blockEntries(stats, (io) => [io.readBytes, io.writtenBytes]),
      ioServicedRecursive: blockEntries(stats, (io) => [io.reads, io.writes]),
    },
    hugetlb: [...stats.hugepages].map(([pagesize, page]) => ({
      pagesize,
      usage: page.usage,
      max: page.maxUsage ?? 0n,
      failcnt: page.failures ?? 0n,
    })),
    network: stats.network.map((link) => ({ ...link })),
  });
}

function blockEntries(
  stats: ContainerStats,
  values: (io: ContainerStats["io"][number]) => [read: bigint, write: bigint],
): BlkIOEntry[] {
  return stats.io.flatMap((io) => {
    const [read, write] = values(io);
    const { major, minor } = io;
    return [
      { op: "Read", device: "", major, minor, value: read },
      { op: "Write", device: "", major, minor, value: write },
    ];
  });
}
