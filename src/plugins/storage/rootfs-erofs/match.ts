import type { RootfsRequest } from "../../../core/contracts/rootfs.js";

const score = 20;

/** Fits when any of the mounts is a layer: what else there is, and what is wrong with it, is this plugin's to say. */
export function matchErofs({ mounts }: Pick<RootfsRequest, "mounts">): number {
  return mounts.some(({ type }) => type === "erofs") ? score : 0;
}
