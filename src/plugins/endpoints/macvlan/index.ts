import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A macvlan: a link with a hardware address of its own on a link of the host. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "macvlan",
  config: noConfig,
  create: async () =>
    (await import("../../../core/network/joined-endpoint.js")).joinedEndpoints("macvlan", ["macvlan"]),
});
