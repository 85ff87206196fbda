import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** An 802.1Q VLAN of a link of the host. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "vlan",
  config: noConfig,
  create: async () => (await import("../../../core/network/joined-endpoint.js")).joinedEndpoints("vlan", ["vlan"]),
});
