import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import { type DiskRateKeys, diskRates } from "../../../core/disks/disk-rates.js";
import type { DiskSpec } from "../../../vmm/threads/device-spec.js";

/** How disks are plugged here, as configuration names it. */
export const diskDriver = "virtio-blk-mmio";

/** Keys of `[hypervisor.dragonball]` that say how disks are. */
export type DiskKeys = Pick<
  HypervisorConfig,
  | "num_queues"
  | "queue_size"
  | "block_device_cache_set"
  | "block_device_cache_direct"
  | "block_device_cache_noflush"
  | "block_device_logical_sector_size"
  | "block_device_physical_sector_size"
> &
  DiskRateKeys;

/** The queues of each disk. */
export function diskQueues({
  num_queues: queues,
  queue_size: queueSize,
}: DiskKeys): Pick<DiskSpec, "queues" | "queueSize"> {
  return { queues, queueSize };
}

/** How disks of a pod are kept and shown. The guest's image is the runtime's own: it is read as it is, and not bounded. */
export function podDisk(keys: DiskKeys): Omit<DiskSpec, "kind" | "id" | "path" | "readOnly"> {
  const limits = diskRates(keys);
  const { block_device_logical_sector_size: logical, block_device_physical_sector_size: physical } = keys;
  return {
    ...diskQueues(keys),
    ...(Object.keys(limits).length > 0 && { limits }),
    // As upstream has it here, where `block_device_cache_set` is not needed for this one.
    ...(keys.block_device_cache_direct && { direct: true }),
    ...(keys.block_device_cache_set && keys.block_device_cache_noflush && { ignoreFlushes: true }),
    ...(logical > 0 && { logicalSector: logical }),
    ...(physical > 0 && { physicalSector: physical }),
  };
}
