import type { RootfsRequest } from "../../../core/contracts/rootfs.js";

const score = 20;

/** `fuse.nydus-overlayfs`, or the same with the helper's path. */
const mountType = /^fuse\.(?:.*\/)?nydus-overlayfs$/;

/** Fits when the one mount is that of nydus-snapshotter, by its type. */
export function matchNydus({ mounts }: Pick<RootfsRequest, "mounts">): number {
  const [mount] = mounts;
  return mount !== undefined && mounts.length === 1 && mountType.test(mount.type) ? score : 0;
}
