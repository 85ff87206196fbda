import type { HypervisorConfig } from "../config/keys/hypervisor.js";

/** Keys of the configuration that bound the disks of a pod. */
export type DiskRateKeys = Pick<
  HypervisorConfig,
  | "disk_rate_limiter_bw_max_rate"
  | "disk_rate_limiter_bw_one_time_burst"
  | "disk_rate_limiter_ops_max_rate"
  | "disk_rate_limiter_ops_one_time_burst"
>;

/** How much of something there may be. */
export interface DiskRate {
  /** Each second, on the average; more than 0. */
  readonly perSecond: number;
  /** Above what is due for one second, at once. */
  readonly burst: number;
}

/** What each disk may do; what is absent has no bounds. */
export interface DiskRates {
  /** Bytes that are read and written, together. */
  readonly bytes?: DiskRate;
  /** Requests. */
  readonly operations?: DiskRate;
}

/** What configuration, which counts bits, says that each disk of a pod may do. A burst without a rate bounds nothing. */
export function diskRates(keys: DiskRateKeys): DiskRates {
  const bits = keys.disk_rate_limiter_bw_max_rate;
  const operations = keys.disk_rate_limiter_ops_max_rate;
  const bitBurst = keys.disk_rate_limiter_bw_one_time_burst ?? 0;
  const operationBurst = keys.disk_rate_limiter_ops_one_time_burst ?? 0;
  return {
    ...(bits > 0 && { bytes: { perSecond: bits / 8, burst: bitBurst / 8 } }),
    ...(operations > 0 && { operations: { perSecond: operations, burst: operationBurst } }),
  };
}
