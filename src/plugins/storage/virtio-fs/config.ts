import { pluginConfig } from "../../../core/config/plugin-schema.js";
import { checkExtraArguments } from "./settings.js";

/** It has no table of its own: Kata's keys for it stand in the hypervisor's. */
export const virtioFsConfig = pluginConfig({
  uses: [
    "hypervisor.shared_fs",
    "hypervisor.virtio_fs_daemon",
    "hypervisor.virtio_fs_cache",
    "hypervisor.virtio_fs_cache_size",
    "hypervisor.virtio_fs_is_dax",
    "hypervisor.virtio_fs_queue_size",
    "hypervisor.virtio_fs_extra_args",
  ],
  check: checkExtraArguments,
});
