import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";
import type { HostHugePages } from "./host-huge-pages.js";

/** Above the sharing of directories, below volumes that are disks. */
const score = 56;

/** Fits binds of a file system of huge pages as a whole. */
export function matchHugePages(
  { mount }: Pick<VolumeRequest, "mount">,
  pagesAt: (path: string) => HostHugePages | undefined,
): number {
  const { source = "" } = mount;
  return isBind(mount) && source.startsWith("/") && pagesAt(source) !== undefined ? score : 0;
}
