import type { RootfsRequest } from "../../../core/contracts/rootfs.js";
import { diskFileSystems } from "../../../core/disks/disk-file-systems.js";

/** Above the host's own mounting of a disk. */
const score = 20;

/**
 * Fits when the root is one file system of such a kind, and the machine may have disks. It goes by the kind alone, which the
 * snapshotter names: a bind mount is never taken for a disk, whatever its source is.
 */
export function matchBlock({ mounts, disks }: Pick<RootfsRequest, "mounts" | "disks">): number {
  const [mount] = mounts;
  const isDisk = disks !== undefined && mounts.length === 1 && mount !== undefined && diskFileSystems.has(mount.type);
  return isDisk && mount.target === "" ? score : 0;
}
