import type { VolumeRequest } from "../../../core/contracts/volume.js";

/** Below every kind that knows more of what is bound. */
const score = 50;

/** Fits every bind mount of a sandbox that has a share. What its source is is looked at when it is prepared. */
export function matchSharedBind({ mount, shareFs }: Pick<VolumeRequest, "mount" | "shareFs">): number {
  const { type = "", options = [], source = "" } = mount;
  const isBind = type === "bind" || options.includes("bind") || options.includes("rbind");
  return isBind && source.startsWith("/") && shareFs !== undefined ? score : 0;
}
