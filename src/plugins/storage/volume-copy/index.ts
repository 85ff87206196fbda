import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Directories and files of the host where nothing is shared with the guest: copies of them, as they are now and become. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "copy",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).copyVolumes(ctx),
});
