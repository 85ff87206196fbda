import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Root file systems of nydus-snapshotter: images that nydusd serves on the host, below an overlay that is shared. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "nydus",
  requires: [{ kind: "rootfs", name: "shared" }],
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).nydusRootfs(ctx),
});
