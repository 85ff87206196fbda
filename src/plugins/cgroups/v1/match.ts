import type { MountEntry } from "../../../core/sys/mountinfo.js";
import { findHierarchies } from "./hierarchies.js";

/** Below v2, which only fits where there is no v1 at the root. */
const score = 10;

/** Fits when controllers are mounted below the root, as on hybrid hosts too, whose v2 has none. */
export function matchV1(mounts: readonly MountEntry[], root: string): number {
  return findHierarchies(mounts, root).length > 0 ? score : 0;
}
