import { basename, dirname } from "node:path";
import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";

/** Above sharing and above directories of the guest, below huge pages and whatever else is known better. */
const score = 55;

/** Where the kubelet keeps volumes that begin empty, one directory each. */
const parent = "kubernetes.io~empty-dir";

/** Fits binds of such a volume where configuration wants them to be disks. Those in memory fit others better. */
export function matchEmptyDir({ mount }: Pick<VolumeRequest, "mount">, mode: string): number {
  const { source = "" } = mount;
  if (mode !== "block-plain" || !isBind(mount) || !source.startsWith("/")) return 0;
  return basename(dirname(source)) === parent && basename(source) !== ".." ? score : 0;
}
