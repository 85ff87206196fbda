import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** One end of a veth pair, and virtual devices of drivers that behave like it. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "veth",
  config: noConfig,
  create: async () =>
    (await import("../../../core/network/joined-endpoint.js")).joinedEndpoints("veth", ["veth", "device"]),
});
