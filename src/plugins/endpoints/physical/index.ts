import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A network device of the host: the guest gets it whole, through VFIO. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "physical",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).physicalEndpoints(ctx),
});
