import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A card that another program of the host serves by vhost-user, as a DAN file describes it. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "vhost-user",
  config: noConfig,
  create: async () => (await import("./driver.js")).vhostUserEndpoints(),
});
