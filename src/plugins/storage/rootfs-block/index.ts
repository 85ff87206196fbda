import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Root file systems on disks: those of the devmapper snapshotter, and images in files. The guest mounts them itself. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "block",
  config: noConfig,
  create: async () => (await import("./driver.js")).blockRootfs(),
});
