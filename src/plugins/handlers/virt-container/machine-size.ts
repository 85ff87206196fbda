import type { EffectiveConfig } from "../../../core/config/effective.js";
import type { Hypervisor } from "../../../core/contracts/hypervisor.js";
import type { CreateTask } from "../../../core/messages/task.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import type { ContainerRole } from "../../../core/sandbox/identity.js";
import type { ContainerState } from "../../../core/sandbox/state.js";
import { type Demand, demandOf, podDemand } from "../../../core/sizing/limits.js";
import {
  atMost,
  defaultSize,
  fixedSizeFor,
  type MachineSize,
  mostOf,
  sizeFor,
} from "../../../core/sizing/machine-size.js";
import { MachineSizing } from "../../../core/sizing/machine-sizing.js";
import type { MachineParts } from "./boot.js";

/** What is known of a sandbox's limits before its machine starts: a pod's annotations, or its only container's own. */
export function knownDemand({ spec }: Pick<CreateTask, "spec">, role: ContainerRole): Demand {
  return role === "sandbox" ? podDemand(spec.annotations ?? {}) : demandOf(spec.linux?.resources ?? {});
}

/** How a sandbox's machine is sized, and what it is started with. */
export interface BootSize extends MachineSize {
  /** It never changes: configuration says so, or the hypervisor cannot. */
  readonly fixedSize: boolean;
  /** The size for containers with these limits. */
  readonly sizeFor: (demands: readonly Demand[]) => MachineSize;
}

/**
 * The size that a machine is started with. One that can be resized begins with its default size and grows with its containers.
 * With `static_sandbox_resource_mgmt` it is what is known of its limits; a hypervisor that cannot resize starts with what
 * the machine would have grown to by that.
 */
export function bootSize(config: EffectiveConfig, resizable: boolean, known: readonly Demand[] = []): BootSize {
  const keys = config.hypervisor;
  const isStatic = config.runtime.static_sandbox_resource_mgmt;
  const formula = (demands: readonly Demand[]) => (isStatic ? fixedSizeFor(demands, keys) : sizeFor(demands, keys));
  const fixedSize = isStatic || !resizable;
  return { ...(fixedSize ? atMost(formula(known), mostOf(keys)) : defaultSize(keys)), fixedSize, sizeFor: formula };
}

/** How the machine of an adopted sandbox is sized: it has what it was given by whoever had it before. */
export async function adoptedSize(
  config: EffectiveConfig,
  hypervisor: Pick<Hypervisor, "capability">,
  containers: readonly ContainerState[],
): Promise<BootSize> {
  const known = containers
    .filter(({ role }) => role !== "container")
    .map(({ request, role }) => knownDemand(request, role));
  const resize = hypervisor.capability("resize");
  return { ...bootSize(config, resize !== undefined, known), ...(await resize?.size()) };
}

/** Has the size of a machine that has started follow the limits of its containers. */
export function machineSizing(
  { config, log }: SandboxEnvironment,
  { hypervisor, agent }: Pick<MachineParts, "hypervisor" | "agent">,
  size: BootSize,
): MachineSizing {
  const { static_sandbox_resource_mgmt } = config.runtime;
  const { default_maxvcpus, default_maxmemory } = config.hypervisor;
  const bounds = { static_sandbox_resource_mgmt, default_maxvcpus, default_maxmemory };
  return new MachineSizing({ hypervisor, agent, log, size, sizeFor: size.sizeFor, bounds });
}
