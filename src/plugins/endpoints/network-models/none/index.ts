import { definePlugin } from "../../../../core/plugin/plugin.js";
import { noConfig } from "../../../../core/plugin/standard-schema.js";

/** `runtime.internetworking_model = "none"`: the guest has its loopback and nothing else. */
export const plugin = definePlugin({
  api: 1,
  kind: "network-model",
  name: "none",
  config: noConfig,
  async create() {
    const { NoNetwork } = await import("./no-network.js");
    return new NoNetwork();
  },
});
