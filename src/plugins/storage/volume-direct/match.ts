import { existsSync } from "node:fs";
import { join } from "node:path";
import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";
import { infoName, volumeName } from "./mount-info.js";

/** Above the sharing of directories, below binds of devices themselves. */
const score = 58;

/** Fits binds of a path that somebody has said to be a disk, below `root`. What was said is read when it is prepared. */
export function matchDirectVolume({ mount }: Pick<VolumeRequest, "mount">, root: string): number {
  const { source = "" } = mount;
  if (!isBind(mount) || !source.startsWith("/")) return 0;
  return existsSync(join(root, volumeName(source), infoName)) ? score : 0;
}
