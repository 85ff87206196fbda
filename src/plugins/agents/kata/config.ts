import { agentConfig } from "../../../core/config/plugin-schema.js";

/** What this plugin reads of `[agent.kata]`. */
export const kataAgentConfig = agentConfig({
  uses: [
    "agent.server_port",
    "agent.log_port",
    "agent.dial_timeout_ms",
    "agent.create_container_timeout",
    "agent.health_check_request_timeout_ms",
  ],
});
