/**
 * What a container used, independent of the form (cgroup v1 or v2) in which a service reports it. Times in nanoseconds,
 * sizes in bytes. A member that the guest does not count is absent, never zero.
 */
export interface ContainerStats {
  readonly cpu: {
    readonly usage: bigint;
    readonly user: bigint;
    readonly system: bigint;
    readonly perCpu?: readonly bigint[];
    readonly periods?: bigint;
    readonly throttledPeriods?: bigint;
    readonly throttledTime?: bigint;
  };
  readonly memory: {
    readonly usage: bigint;
    readonly maxUsage?: bigint;
    /** 2^63-1 rounded to a page, as the kernel writes it, when there is no limit. */
    readonly limit: bigint;
    readonly failures?: bigint;
    readonly swapUsage?: bigint;
    readonly swapLimit?: bigint;
    /** Lines of the guest's `memory.stat`, by name. */
    readonly details: ReadonlyMap<string, bigint>;
  };
  readonly pids: { readonly current: bigint; readonly limit?: bigint };
  readonly io: readonly {
    readonly major: bigint;
    readonly minor: bigint;
    readonly readBytes: bigint;
    readonly writtenBytes: bigint;
    readonly reads: bigint;
    readonly writes: bigint;
  }[];
  readonly hugepages: ReadonlyMap<
    string,
    { readonly usage: bigint; readonly maxUsage?: bigint; readonly failures?: bigint }
  >;
  readonly network: readonly {
    readonly name: string;
    readonly rxBytes: bigint;
    readonly rxPackets: bigint;
    readonly rxErrors: bigint;
    readonly rxDropped: bigint;
    readonly txBytes: bigint;
    readonly txPackets: bigint;
    readonly txErrors: bigint;
    readonly txDropped: bigint;
  }[];
}
