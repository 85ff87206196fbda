import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A macvtap that is in the namespace already: the machine's card is its descriptor. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "macvtap",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).macvtapEndpoints(ctx),
});
