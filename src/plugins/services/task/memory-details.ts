/**
 * Names of one quantity in `memory.stat`, by the version of the guest's cgroups. The guest's may differ from the host's,
 * whose form the answer has.
 */
const names = {
  cache: ["total_cache", "cache", "file"],
  rss: ["total_rss", "rss", "anon"],
  rssHuge: ["total_rss_huge", "rss_huge", "anon_thp"],
  mapped: ["total_mapped_file", "mapped_file", "file_mapped"],
  dirty: ["total_dirty", "dirty", "file_dirty"],
  writeback: ["total_writeback", "writeback", "file_writeback"],
  pagesIn: ["total_pgpgin", "pgpgin"],
  pagesOut: ["total_pgpgout", "pgpgout"],
  faults: ["total_pgfault", "pgfault"],
  majorFaults: ["total_pgmajfault", "pgmajfault"],
  inactiveAnon: ["total_inactive_anon", "inactive_anon"],
  activeAnon: ["total_active_anon", "active_anon"],
  inactiveFile: ["total_inactive_file", "inactive_file"],
  activeFile: ["total_active_file", "active_file"],
  unevictable: ["total_unevictable", "unevictable"],
} as const;

/** What `memory.stat` says of a container and all below it; sizes in bytes. */
export type MemoryDetails = Readonly<Record<keyof typeof names, bigint>>;

/** Reads the lines of `memory.stat` whichever version wrote them; what it does not say is 0. */
export function memoryDetails(lines: ReadonlyMap<string, bigint>): MemoryDetails {
  const read = (alternatives: readonly string[]): bigint => {
    const name = alternatives.find((one) => lines.has(one));
    return (name === undefined ? undefined : lines.get(name)) ?? 0n;
  };
  return Object.fromEntries(
    Object.entries(names).map(([key, alternatives]) => [key, read(alternatives)]),
  ) as unknown as MemoryDetails;
}
