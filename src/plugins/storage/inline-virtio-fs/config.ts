import { pluginConfig } from "../../../core/config/plugin-schema.js";
import { checkWindow } from "./settings.js";

/** It has no table of its own: Kata's keys for it stand in the hypervisor's. */
export const inlineVirtioFsConfig = pluginConfig({
  uses: [
    "hypervisor.shared_fs",
    "hypervisor.virtio_fs_cache",
    "hypervisor.virtio_fs_cache_size",
    "hypervisor.virtio_fs_is_dax",
    "hypervisor.virtio_fs_queue_size",
  ],
  check: checkWindow,
});
