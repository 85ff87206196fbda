import { definePlugin } from "../../../../core/plugin/plugin.js";
import { noConfig } from "../../../../core/plugin/standard-schema.js";
import { TcFilter } from "./tc-filter.js";

/** `runtime.internetworking_model = "tcfilter"`: traffic control redirects every frame between the pod's link and a tap. */
export const plugin = definePlugin({
  api: 1,
  kind: "network-model",
  name: "tcfilter",
  config: noConfig,
  create({ sys, log, sandbox }) {
    if (sandbox === undefined) throw new Error("a network model is created for a sandbox");
    return new TcFilter({ sys, log, record: sandbox.record });
  },
});
