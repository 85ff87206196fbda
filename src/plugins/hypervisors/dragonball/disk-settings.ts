import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { DiskSpec } from "../../../vmm/threads/device-spec.js";

/** Keys of `[hypervisor.dragonball]` that say how disks are. */
export type DiskKeys = Pick<
  HypervisorConfig,
  | "num_queues"
  | "queue_size"
  | "disk_rate_limiter_bw_max_rate"
  | "disk_rate_limiter_bw_one_time_burst"
  | "disk_rate_limiter_ops_max_rate"
  | "disk_rate_limiter_ops_one_time_burst"
>;

/** The queues of each disk. */
export function diskQueues({
  num_queues: queues,
  queue_size: queueSize,
}: DiskKeys): Pick<DiskSpec, "queues" | "queueSize"> {
  return { queues, queueSize };
}

/** What each disk of a pod may do. The guest's image is the runtime's own, and is not bounded. */
export function diskLimits(keys: DiskKeys): Pick<DiskSpec, "limits"> {
  const bits = keys.disk_rate_limiter_bw_max_rate;
  const operations = keys.disk_rate_limiter_ops_max_rate;
  if (bits === 0 && operations === 0) return {};
  const bitBurst = keys.disk_rate_limiter_bw_one_time_burst ?? 0;
  const operationBurst = keys.disk_rate_limiter_ops_one_time_burst ?? 0;
  return {
    limits: {
      ...(bits > 0 && { bytes: { perSecond: bits / 8, burst: bitBurst / 8 } }),
      ...(operations > 0 && { operations: { perSecond: operations, burst: operationBurst } }),
    },
  };
}
