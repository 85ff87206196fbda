import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Volumes that a CSI driver assigns to machines directly: it says beside the mount which disk it is. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "direct",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).directVolumes(ctx),
});
