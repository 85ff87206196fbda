import type { ContainerStats } from "../../../core/contracts/container-stats.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import { withMemoryOfSwap } from "./container-swap.js";
import { guestResources } from "./guest-spec.js";
import type { VirtSandbox } from "./sandbox.js";

/** Gives a container other limits: what on the host is sized by them has made room before the guest is told. */
export async function updateResources(
  sandbox: VirtSandbox,
  containerId: string,
  resources: OciLinuxResources,
): Promise<void> {
  const { agent } = await sandbox.parts();
  await sandbox.limits.update(containerId, resources, (wanted) => {
    const whole = withMemoryOfSwap(wanted, sandbox.limits.all.get(containerId));
    return agent.updateContainer(containerId, guestResources(whole));
  });
}

/** What a container uses, as the guest counts it. */
export async function readStats(sandbox: VirtSandbox, containerId: string): Promise<ContainerStats> {
  const { agent } = await sandbox.parts();
  return agent.stats(containerId);
}
