import { hypervisorConfig } from "../../../core/config/plugin-schema.js";

/** `[hypervisor.dragonball]`: the keys this plugin acts on. */
export const config = hypervisorConfig({
  // As upstream's file for it has them.
  defaults: { block_device_driver: "virtio-blk-mmio", shared_fs: "inline-virtio-fs" },
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
    "hypervisor.disk_rate_limiter_bw_max_rate",
    "hypervisor.disk_rate_limiter_bw_one_time_burst",
    "hypervisor.disk_rate_limiter_ops_max_rate",
    "hypervisor.disk_rate_limiter_ops_one_time_burst",
    "hypervisor.factory",
  ],
  check: ({ hypervisor: { queue_size } }) =>
    queue_size >= 4
      ? []
      : [{ table: "hypervisor", key: "queue_size", problem: `is ${queue_size}; a disk of this machine has 4 or more` }],
});
