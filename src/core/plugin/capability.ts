import type { Agent, AgentCapabilities } from "../contracts/agent.js";
import type { Hypervisor, HypervisorCapabilities } from "../contracts/hypervisor.js";
import { pluginErrors } from "./errors.js";

/**
 * A capability that something insists on: `requireCapability(hypervisor, "pause", "pausing a pod")`. `KATA_CAPABILITY` when
 * it is absent, which names who lacks it and what it is for.
 */
export function requireCapability<K extends keyof HypervisorCapabilities>(
  of: Pick<Hypervisor, "name" | "capability">,
  name: K,
  what: string,
): HypervisorCapabilities[K];
export function requireCapability<K extends keyof AgentCapabilities>(
  of: Pick<Agent, "name" | "capability">,
  name: K,
  what: string,
): AgentCapabilities[K];
export function requireCapability(
  of: { readonly name: string; capability(name: never): unknown },
  name: string,
  what: string,
): unknown {
  const ability = of.capability(name as never);
  if (ability === undefined) throw pluginErrors.KATA_CAPABILITY({ part: of.name, capability: name, what });
  return ability;
}
