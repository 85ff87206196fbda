import { type Stats, statSync } from "node:fs";
import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { diskFileSystems } from "../../../core/disks/disk-file-systems.js";
import { isBind } from "../../../core/oci/is-bind.js";

/** Above the sharing of directories, below volumes that know one of these mounts better. */
const score = 60;

/**
 * Fits mounts of file systems that disks have, which the type says; and binds of what is a block device's node itself. A bind
 * of a directory or of a file is never one, whatever is in it.
 */
export function matchBlockVolume({ mount }: Pick<VolumeRequest, "mount">): number {
  const { source = "", type = "" } = mount;
  if (!isBind(mount)) return diskFileSystems.has(type) ? score : 0;
  return isBlockDevice(source) ? score : 0;
}

function isBlockDevice(source: string): boolean {
  if (!source.startsWith("/")) return false;
  let stat: Stats | undefined;
  try {
    stat = statSync(source, { throwIfNoEntry: false });
  } catch {
    // What cannot be looked at is refused, with the reason, by who binds directories and files.
    return false;
  }
  return stat?.isBlockDevice() === true;
}
