import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** `block_device_driver = "virtio-blk-pci"`: virtio disks on PCI, which the guest finds by the slots to them. */
export const plugin = definePlugin({
  api: 1,
  kind: "block-driver",
  name: "virtio-blk-pci",
  config: noConfig,
  create: async () => (await import("../../../core/disks/virtio-block.js")).virtioBlock("virtio-blk-pci", "blk"),
});
