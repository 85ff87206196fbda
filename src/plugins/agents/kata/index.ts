import { definePlugin } from "../../../core/plugin/plugin.js";
import { kataAgentConfig } from "./config.js";
import { KataAgent } from "./kata-agent.js";
import { agentSettings } from "./settings.js";

/** `runtime.agent_name = "kata"`: the agent in the guest speaks Kata's protocol. */
export const plugin = definePlugin({
  api: 1,
  kind: "agent",
  name: "kata",
  config: kataAgentConfig,
  create: ({ sys, log }, config) => new KataAgent({ sys, log, settings: agentSettings(config) }),
});
