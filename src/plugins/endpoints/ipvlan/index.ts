import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** An ipvlan, of layer 2 or 3: it shares the hardware address of its parent, and at layer 3 nobody answers ARP. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "ipvlan",
  config: noConfig,
  create: async () => (await import("../../../core/network/joined-endpoint.js")).joinedEndpoints("ipvlan", ["ipvlan"]),
});
