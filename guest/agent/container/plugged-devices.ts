import type { OciDeviceCgroup, OciLinuxDevice } from "../../../src/core/oci/spec.js";
import type { Device, Storage } from "../../../src/core/proto/gen/kata/agent.js";
import { agentErrors } from "../errors.js";
import { findNode, waitForBlockDevice } from "../machine/block-devices.js";
import { type ScsiTools, waitForScsiDisk } from "../machine/scsi-disks.js";
import type { AgentRoots } from "../roots.js";

/** What devices are found with. */
export interface DeviceTools extends ScsiTools {
  readonly roots: AgentRoots;
}

/** Types of devices that the guest can find. */
export const deviceTypes = ["blk", "mmioblk", "scsi", "nvdimm"] as const;

/**
 * Waits for the devices that were plugged in for a container, and gives each as the container shall have it, by its path
 * there. One without such a path is only waited for: a storage is mounted from it.
 */
export async function findPluggedDevices(
  devices: readonly Device[],
  tools: DeviceTools,
  ms: number,
): Promise<Map<string, OciLinuxDevice>> {
  const found = new Map<string, OciLinuxDevice>();
  for (const { type, id, vmPath, containerPath } of devices) {
    if (!deviceTypes.some((known) => known === type)) {
      throw agentErrors.KATA_GUEST_DEVICE_TYPE({ type, there: deviceTypes });
    }
    const place = vmPath === "" ? id : vmPath;
    const isScsi = type === "scsi";
    const node = await (isScsi ? waitForScsiDisk(tools, place, ms) : waitForBlockDevice(tools.roots, place, ms));
    if (containerPath === "") continue;
    found.set(containerPath, { path: containerPath, type: "b", major: node.major, minor: node.minor });
  }
  return found;
}

/** What lets a container use the disks whose nodes are among its storages, which are mounted. */
export function boundDeviceRules(storages: readonly Storage[]): OciDeviceCgroup[] {
  return storages.flatMap(({ fstype, mountPoint, options }) => {
    const node = fstype === "bind" ? findNode(mountPoint) : undefined;
    if (node?.kind !== "block") return [];
    const access = options.includes("ro") ? "rm" : "rwm";
    return [{ allow: true, type: "b", major: node.major, minor: node.minor, access }];
  });
}
