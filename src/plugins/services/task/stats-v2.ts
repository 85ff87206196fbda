import type { ContainerStats } from "../../../core/contracts/container-stats.js";
import { Metrics } from "../../../core/proto/gen/cgroups/v2.js";
import { memoryDetails } from "./memory-details.js";

const toMicroseconds = (nanoseconds: bigint | undefined): bigint => (nanoseconds ?? 0n) / 1000n;

/** The statistics in the form of cgroup v2; the CRI subtracts `inactive_file` from the usage to get the working set. */
export function toMetricsV2(stats: ContainerStats): Metrics {
  const { cpu, memory, pids } = stats;
  const details = memoryDetails(memory.details);
  const line = (name: string): bigint => memory.details.get(name) ?? 0n;
  return Metrics.fromPartial({
    pids: { current: pids.current, limit: pids.limit ?? 0n },
    cpu: {
      usageUsec: toMicroseconds(cpu.usage),
      userUsec: toMicroseconds(cpu.user),
      systemUsec: toMicroseconds(cpu.system),
      nrPeriods: cpu.periods ?? 0n,
      nrThrottled: cpu.throttledPeriods ?? 0n,
      throttledUsec: toMicroseconds(cpu.throttledTime),
    },
    memory: {
      anon: details.rss,
      file: details.cache,
      kernelStack: line("kernel_stack"),
      slab: line("slab"),
      sock: line("sock"),
      shmem: line("shmem"),
      fileMapped: details.mapped,
      fileDirty: details.dirty,
      fileWriteback: details.writeback,
      anonThp: details.rssHuge,
      inactiveAnon: details.inactiveAnon,
      activeAnon: details.activeAnon,
      inactiveFile: details.inactiveFile,
      activeFile: details.activeFile,
      unevictable: details.unevictable,
      slabReclaimable: line("slab_reclaimable"),
      slabUnreclaimable: line("slab_unreclaimable"),
      pgfault: details.faults,
      pgmajfault: details.majorFaults,
      workingsetRefault: line("workingset_refault"),
      workingsetActivate: line("workingset_activate"),
      workingsetNodereclaim: line("workingset_nodereclaim"),
      pgrefill: line("pgrefill"),
      pgscan: line("pgscan"),
      pgsteal: line("pgsteal"),
      pgactivate: line("pgactivate"),
      pgdeactivate: line("pgdeactivate"),
      pglazyfree: line("pglazyfree"),
      pglazyfreed: line("pglazyfreed"),
      thpFaultAlloc: line("thp_fault_alloc"),
      thpCollapseAlloc: line("thp_collapse_alloc"),
      usage: memory.usage,
      usageLimit: memory.limit,
      swapUsage: memory.swapUsage ?? 0n,
      swapLimit: memory.swapLimit ?? 0n,
      maxUsage: memory.maxUsage ?? 0n,
    },
    io: {
      usage: stats.io.map(({ major, minor, readBytes, writtenBytes, reads, writes }) => ({
        major,
        minor,
        rbytes: readBytes,
        wbytes: writtenBytes,
        rios: reads,
        wios: writes,
      })),
    },
    hugetlb: [...stats.hugepages].map(([pagesize, page]) => ({
      pagesize,
      current: page.usage,
      max: page.maxUsage ?? 0n,
      failcnt: page.failures ?? 0n,
    })),
    network: stats.network.map((link) => ({ ...link })),
  });
}
