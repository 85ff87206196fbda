import type { AgentConfig } from "../../../core/config/keys/agent.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { KataAgent } from "./kata-agent.js";
import { agentSettings } from "./settings.js";

/** The agent of a sandbox. */
export const createAgent = ({ sys, log }: PluginContext, config: AgentConfig) =>
  new KataAgent({ sys, log, settings: agentSettings(config) });
