import type { Sys } from "../sys/sys.js";
import { SharedTree } from "./shared-tree.js";
import { sharedDirectory, type SharedPlace } from "./shared-directory.js";

/**
 * Removes what a sandbox left in the shared tree when its process was killed: unmounts everything at or below the sandbox's
 * directory, whatever it was, and removes the directories. Its daemon is to be ended before. No error when nothing is there.
 */
export async function cleanupStale(sys: Sys, place: SharedPlace): Promise<void> {
  await new SharedTree(sys, sharedDirectory(place)).remove();
}
