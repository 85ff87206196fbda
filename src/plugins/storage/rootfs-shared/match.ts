import type { ContainerdMount, RootfsRequest } from "../../../core/contracts/rootfs.js";
import { diskFileSystems } from "../../../core/disks/disk-file-systems.js";

/** Below every kind that knows more of what it is given; of disks also below one that gives them to the guest as such. */
const score = 10;
const diskScore = 1;

/** What the host mounts as a directory. Images (nydus, erofs) have drivers of their own. */
const directoryTypes = new Set(["overlay", "bind", "btrfs", "zfs", "tmpfs"]);

/** Options by which other kinds say what they are. */
const foreignOptions = ["io.katacontainers.volume=", "io.katacontainers.fs-opt.", "extraoption="];

function isDirectory({ type, options }: ContainerdMount): boolean {
  if (options.some((option) => foreignOptions.some((prefix) => option.startsWith(prefix)))) return false;
  return directoryTypes.has(type) || (type === "" && options.some((option) => option === "bind" || option === "rbind"));
}

/**
 * Fits when all that is to be mounted are directories, or disks that the host mounts, or nothing is. Where there is no share
 * it is the error that says so, when it is prepared.
 */
export function matchShared({ mounts }: Pick<RootfsRequest, "mounts">): number {
  if (mounts.every(isDirectory)) return score;
  return mounts.every((mount) => isDirectory(mount) || diskFileSystems.has(mount.type)) ? diskScore : 0;
}
