import { basename, dirname } from "node:path";
import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";

/** Below volumes that are in memory or disks, above the copying of files. */
const score = 54;

/** Where the kubelet keeps volumes that begin empty, one directory each. */
const parent = "kubernetes.io~empty-dir";

/** Fits binds of such a volume where there is no share. */
export function matchLocal({ mount, shareFs }: Pick<VolumeRequest, "mount" | "shareFs">): number {
  const { source = "" } = mount;
  if (shareFs !== undefined || !isBind(mount) || !source.startsWith("/")) return 0;
  return basename(dirname(source)) === parent && basename(source) !== ".." ? score : 0;
}
