import { hypervisorConfig } from "../../../core/config/plugin-schema.js";

/** `[hypervisor.dragonball]`: the keys this plugin acts on. */
export const config = hypervisorConfig({
  defaults: { block_device_driver: "virtio-blk-mmio" },
  uses: [
    "hypervisor.kernel",
    "hypervisor.image",
    "hypervisor.initrd",
    "hypervisor.rootfs_type",
    "hypervisor.kernel_params",
    "hypervisor.default_vcpus",
    "hypervisor.default_maxvcpus",
    "hypervisor.default_memory",
    "hypervisor.enable_debug",
    "hypervisor.queue_size",
    "hypervisor.num_queues",
  ],
});
