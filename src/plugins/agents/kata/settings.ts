import type { AgentConfig } from "../../../core/config/keys/agent.js";

/** What of `[agent.kata]` the agent's client needs; times in milliseconds. */
export interface AgentSettings {
  readonly port: number;
  readonly logPort: number;
  /** Between two attempts to connect. */
  readonly dialPause: number;
  /** For every request but those that wait for something to happen. */
  readonly requestTime: number;
  readonly healthCheckTime: number;
}

/** The settings that configuration gives. */
export function agentSettings(config: AgentConfig): AgentSettings {
  return {
    port: config.server_port,
    logPort: config.log_port,
    dialPause: config.dial_timeout_ms,
    requestTime: config.create_container_timeout * 1000,
    healthCheckTime: config.health_check_request_timeout_ms,
  };
}
