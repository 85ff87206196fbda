import type { ContainerdMount, RootfsRequest } from "../../../core/contracts/rootfs.js";

/** Below every kind that knows more of what it is given. */
const score = 10;

/** What the host mounts as a directory. Images (nydus, erofs) and disks (ext4, xfs) have drivers of their own. */
const directoryTypes = new Set(["overlay", "bind", "btrfs", "zfs", "tmpfs"]);

/** Options by which other kinds say what they are. */
const foreignOptions = ["io.katacontainers.volume=", "io.katacontainers.fs-opt.", "extraoption="];

function isDirectory({ type, options }: ContainerdMount): boolean {
  if (options.some((option) => foreignOptions.some((prefix) => option.startsWith(prefix)))) return false;
  return directoryTypes.has(type) || (type === "" && options.some((option) => option === "bind" || option === "rbind"));
}

/** Fits when there is a share, and all that is to be mounted are directories, or nothing is. */
export function matchShared({ shareFs, mounts }: Pick<RootfsRequest, "shareFs" | "mounts">): number {
  return shareFs !== undefined && mounts.every(isDirectory) ? score : 0;
}
