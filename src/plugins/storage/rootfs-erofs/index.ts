import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Root file systems of containerd's erofs snapshotter: each layer is a disk that is read, and the guest lays them over each other. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "erofs",
  config: noConfig,
  create: async () => (await import("./driver.js")).erofsRootfs(),
});
