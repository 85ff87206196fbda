import { basename, dirname } from "node:path";
import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { isBind } from "../../../core/oci/is-bind.js";
import type { HostMemory } from "./host-memory.js";

/** Above the sharing of directories, below the pod's shared memory. */
const score = 150;

/** Where the kubelet keeps volumes that begin empty, one directory each. */
const parent = "kubernetes.io~empty-dir";

/** Fits binds of such a volume that the kubelet has mounted in memory. */
export function matchEphemeral(
  { mount }: Pick<VolumeRequest, "mount">,
  memoryAt: (path: string) => HostMemory | undefined,
): number {
  const { source = "" } = mount;
  if (!isBind(mount) || !source.startsWith("/") || basename(dirname(source)) !== parent || basename(source) === "..")
    return 0;
  return memoryAt(source) === undefined ? 0 : score;
}
