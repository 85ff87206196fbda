import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Block devices of the host: mounted by the guest as file systems, or bound into containers as what they are. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "block",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).blockVolumes(ctx),
});
