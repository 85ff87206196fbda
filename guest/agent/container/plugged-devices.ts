import type { OciLinuxDevice } from "../../../src/core/oci/spec.js";
import type { Device } from "../../../src/core/proto/gen/kata/agent.js";
import { agentErrors } from "../errors.js";
import { waitForBlockDevice } from "../machine/block-devices.js";
import type { AgentRoots } from "../roots.js";

/** Types of devices that the guest can find. */
export const deviceTypes = ["blk", "mmioblk", "nvdimm"] as const;

/**
 * Waits for the devices that were plugged in for a container, and gives each as the container shall have it, by its path
 * there. One without such a path is only waited for: a storage is mounted from it.
 */
export async function findPluggedDevices(
  devices: readonly Device[],
  roots: AgentRoots,
  ms: number,
): Promise<Map<string, OciLinuxDevice>> {
  const found = new Map<string, OciLinuxDevice>();
  for (const { type, id, vmPath, containerPath } of devices) {
    if (!deviceTypes.some((known) => known === type)) {
      throw agentErrors.KATA_GUEST_DEVICE_TYPE({ type, there: deviceTypes });
    }
    const node = await waitForBlockDevice(roots, vmPath === "" ? id : vmPath, ms);
    if (containerPath === "") continue;
    found.set(containerPath, { path: containerPath, type: "b", major: node.major, minor: node.minor });
  }
  return found;
}
