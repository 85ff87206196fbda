import { AgentServiceDefinition } from "../../src/core/proto/gen/kata/agent.js";
import { HealthDefinition } from "../../src/core/proto/gen/kata/health.js";
import { Server } from "../../src/core/rpc/server.js";
import { agentService } from "./agent-service.js";
import { healthService } from "./health-service.js";
import { type AgentTools, Sandbox } from "./sandbox.js";

/** The agent without a way to it: serve every connection of the host with `server.serve`. */
export function createAgent(tools: AgentTools): { readonly server: Server; readonly sandbox: Sandbox } {
  const sandbox = new Sandbox(tools);
  const server = new Server({ log: tools.log });
  server.addService(AgentServiceDefinition, agentService(sandbox, tools));
  server.addService(HealthDefinition, healthService);
  return { server, sandbox };
}
