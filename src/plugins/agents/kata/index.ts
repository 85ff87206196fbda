import { definePlugin } from "../../../core/plugin/plugin.js";
import { kataAgentConfig } from "./config.js";

/** `runtime.agent_name = "kata"`: the agent in the guest speaks Kata's protocol. */
export const plugin = definePlugin({
  api: 1,
  kind: "agent",
  name: "kata",
  config: kataAgentConfig,
  create: async (ctx, config) => (await import("./create.js")).createAgent(ctx, config),
});
