import { resolve } from "node:path";
import type { MountEntry } from "../../../core/sys/mountinfo.js";

/** Above v1: where both are, what is mounted at the root itself counts, and v1 may be there for one odd controller. */
const score = 20;

/** The file system of version 2 at the root; on a hybrid host it is below, and has no controllers. */
export function v2Mount(mounts: readonly MountEntry[], root: string): MountEntry | undefined {
  return mounts.findLast((one) => one.mountPoint === resolve(root) && one.type === "cgroup2");
}

/** Fits when the host has cgroups of version 2 alone. */
export function matchV2(mounts: readonly MountEntry[], root: string): number {
  return v2Mount(mounts, root) === undefined ? 0 : score;
}
