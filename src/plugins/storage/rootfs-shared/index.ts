import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Root file systems that are directories of the host, shared with the guest. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "shared",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).sharedRootfs(ctx),
});
