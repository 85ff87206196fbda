import type { EffectiveConfig } from "../../../core/config/effective.js";
import { guestPorts } from "../../../core/contracts/guest-address.js";

/** What the kernel command line tells the agent, from `[agent.*]` and the debug switches. */
export function agentParameters(config: EffectiveConfig): string[] {
  const { agent, hypervisor } = config;
  const words: string[] = [];
  if (hypervisor.enable_debug || agent.enable_debug) words.push("agent.log=debug");
  if (agent.enable_tracing) words.push("agent.trace=true");
  words.push(`agent.log_vport=${guestPorts.log}`);
  if (agent.container_pipe_size > 0) words.push(`agent.container_pipe_size=${agent.container_pipe_size}`);
  if (agent.debug_console_enabled) {
    words.push("agent.debug_console", `agent.debug_console_vport=${guestPorts.debugConsole}`);
  }
  return words;
}
