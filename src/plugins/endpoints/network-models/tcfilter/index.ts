import { definePlugin } from "../../../../core/plugin/plugin.js";
import { noConfig } from "../../../../core/plugin/standard-schema.js";

/** `runtime.internetworking_model = "tcfilter"`: traffic control redirects every frame between the pod's link and a tap. */
export const plugin = definePlugin({
  api: 1,
  kind: "network-model",
  name: "tcfilter",
  config: noConfig,
  async create({ sys, log, sandbox }) {
    if (sandbox === undefined) throw new Error("a network model is created for a sandbox");
    const { TcFilter } = await import("./tc-filter.js");
    return new TcFilter({ sys, log, record: sandbox.record });
  },
});
