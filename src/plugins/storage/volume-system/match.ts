import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";

/** Above volumes of files, below those that know one of these mounts better. */
const score = 100;

/** File systems of the kernel's own: the guest's kernel has them too. */
const kernelTypes = new Set([
  "proc",
  "sysfs",
  "tmpfs",
  "ramfs",
  "devpts",
  "devtmpfs",
  "mqueue",
  "cgroup",
  "cgroup2",
  "securityfs",
  "debugfs",
  "tracefs",
  "configfs",
  "bpf",
]);

const isAtOrBelow = (path: string, directories: readonly string[]): boolean =>
  directories.some((directory) => path === directory || path.startsWith(`${directory}/`));

/** Fits a mount of a kernel's file system, and a bind of a part of one to a place in one: `/sys/fs/cgroup`, `/dev`. */
export function matchSystem({ mount }: Pick<VolumeRequest, "mount">): number {
  const { type = "", destination, source = "" } = mount;
  if (!isBind(mount)) return kernelTypes.has(type) ? score : 0;
  const isSystem = (path: string): boolean => path === "/dev" || isAtOrBelow(path, ["/proc", "/sys"]);
  return isSystem(destination) && isSystem(source) ? score : 0;
}
