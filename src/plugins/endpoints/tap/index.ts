import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A tap that is in the namespace already and that nobody holds: the machine's card is its other end. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "tap",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).tapEndpoints(ctx),
});
