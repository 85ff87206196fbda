import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";

/** Below every kind that knows more of what is bound. */
const score = 50;

/** Fits every bind mount of a sandbox that has no share. What its source is is looked at when it is prepared. */
export function matchCopied({ mount, shareFs }: Pick<VolumeRequest, "mount" | "shareFs">): number {
  return isBind(mount) && mount.source?.startsWith("/") === true && shareFs === undefined ? score : 0;
}
