import type { KeyComplaint } from "../../../core/config/extension.js";
import { hypervisorConfig } from "../../../core/config/plugin-schema.js";
import { diskDriver } from "./disk-settings.js";

/** `[hypervisor.dragonball]`: the keys this plugin acts on. */
export const config = hypervisorConfig({
  // As upstream's file for it has them.
  defaults: { block_device_driver: diskDriver, block_device_aio: "threads", shared_fs: "inline-virtio-fs" },
  uses: [
    "hypervisor.kernel",
    "hypervisor.image",
    "hypervisor.initrd",
    "hypervisor.rootfs_type",
    "hypervisor.kernel_params",
    "hypervisor.default_vcpus",
    "hypervisor.default_maxvcpus",
    "hypervisor.default_memory",
    "hypervisor.default_maxmemory",
    "hypervisor.enable_virtio_mem",
    "hypervisor.reclaim_guest_freed_memory",
    "hypervisor.enable_debug",
    "hypervisor.queue_size",
    "hypervisor.num_queues",
    "hypervisor.block_device_aio",
    "hypervisor.block_device_cache_set",
    "hypervisor.block_device_cache_direct",
    "hypervisor.block_device_cache_noflush",
    "hypervisor.block_device_logical_sector_size",
    "hypervisor.block_device_physical_sector_size",
    "hypervisor.disk_rate_limiter_bw_max_rate",
    "hypervisor.disk_rate_limiter_bw_one_time_burst",
    "hypervisor.disk_rate_limiter_ops_max_rate",
    "hypervisor.disk_rate_limiter_ops_one_time_burst",
    "hypervisor.factory",
  ],
  check: ({ hypervisor }) => {
    const complaints: KeyComplaint[] = [];
    const complain = (key: keyof typeof hypervisor, problem: string) =>
      complaints.push({ table: "hypervisor", key, problem });
    const { queue_size, block_device_aio: aio, block_device_driver: driver } = hypervisor;
    if ((driver === "virtio-scsi" || driver === "virtio-pmem") && !hypervisor.disable_block_device_use)
      complain("block_device_driver", `is "${driver}"; this machine has no such device: take "${diskDriver}"`);
    if (queue_size < 4) complain("queue_size", `is ${queue_size}; a disk of this machine has 4 or more`);
    if (aio !== "threads")
      complain("block_device_aio", `is "${aio}"; this machine reads and writes disks by "threads"`);
    if (hypervisor.enable_iothreads)
      complain("enable_iothreads", "is true; the devices of this machine have one thread, which is always there");
    if (hypervisor.indep_iothreads > 0)
      complain("indep_iothreads", "is set; the devices of this machine have one thread, which is always there");
    if (hypervisor.enable_vhost_user_store)
      complain("enable_vhost_user_store", "is true; disks that another program serves are not supported yet");
    return complaints;
  },
});
