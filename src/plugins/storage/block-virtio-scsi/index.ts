import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** `block_device_driver = "virtio-scsi"`: disks of one controller, which the guest finds by their addresses on its bus. */
export const plugin = definePlugin({
  api: 1,
  kind: "block-driver",
  name: "virtio-scsi",
  config: noConfig,
  create: async () => (await import("../../../core/disks/virtio-block.js")).virtioBlock("virtio-scsi", "scsi"),
});
