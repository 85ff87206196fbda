import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** `block_device_driver = "virtio-blk-mmio"`: virtio disks without PCI, which the guest finds by their names. */
export const plugin = definePlugin({
  api: 1,
  kind: "block-driver",
  name: "virtio-blk-mmio",
  config: noConfig,
  create: async () => (await import("../../../core/disks/virtio-block.js")).virtioBlock("virtio-blk-mmio", "mmioblk"),
});
