import type { VolumeRequest } from "../../../core/contracts/volume.js";

/** Before all others: `/dev/shm` is a tmpfs or a bind mount too. */
const score = 200;

/** Where the kubelet keeps volumes in memory that a pod asks for by name; these are not the pod's shared memory. */
const ephemeralVolume = "/kubernetes.io~empty-dir/";

/** Fits `/dev/shm`, but not when it is a volume of its own. */
export function matchShm({ mount }: Pick<VolumeRequest, "mount">): number {
  if (mount.destination.replace(/\/+$/, "") !== "/dev/shm") return 0;
  return mount.source?.includes(ephemeralVolume) === true ? 0 : score;
}
