import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A tap whose other end a program holds: it stays with that, and is joined with the machine's card by the model. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "tuntap",
  config: noConfig,
  create: async () => (await import("./driver.js")).tuntapEndpoints(),
});
