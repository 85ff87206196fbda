import { definePlugin } from "../../../../core/plugin/plugin.js";
import { noConfig } from "../../../../core/plugin/standard-schema.js";

/** `runtime.internetworking_model = "macvtap"`: the machine's card is a macvtap on the pod's link. */
export const plugin = definePlugin({
  api: 1,
  kind: "network-model",
  name: "macvtap",
  config: noConfig,
  async create({ sys, log, sandbox }) {
    if (sandbox === undefined) throw new Error("a network model is created for a sandbox");
    const { Macvtap } = await import("./macvtap.js");
    return new Macvtap({ sys, log, record: sandbox.record });
  },
});
