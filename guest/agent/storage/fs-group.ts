import { lstat, lchown, chmod, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { FSGroup } from "../../../src/core/proto/gen/kata/agent.js";
import { FSGroupChangePolicy } from "../../../src/core/proto/gen/kata/types.js";

/** What Kubernetes adds to the modes of files and directories of a volume that is for a group. */
const fileBits = 0o660;
const directoryBits = 0o2770;

/**
 * Gives all of a volume to a group that may write to it, its root last: a run that was interrupted is begun anew the next
 * time. Nobody else uses the volume meanwhile. Symbolic links are given away, not followed.
 */
export async function giveVolumeToGroup(root: string, { groupId, groupChangePolicy }: FSGroup): Promise<void> {
  const { gid, mode } = await lstat(`${root}/.`);
  const isSet = gid === groupId && (mode & directoryBits) === directoryBits;
  if (isSet && groupChangePolicy === FSGroupChangePolicy.OnRootMismatch) return;
  await giveBelow(root, groupId);
  await give(`${root}/.`, groupId);
}

async function giveBelow(directory: string, gid: number): Promise<void> {
  for await (const entry of await opendir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await giveBelow(path, gid);
    await give(path, gid);
  }
}

/** The owner first: changing it takes the set-group-ID bit away. */
async function give(path: string, gid: number): Promise<void> {
  const stat = await lstat(path);
  await lchown(path, stat.uid, gid);
  if (stat.isSymbolicLink()) return;
  await chmod(path, (stat.mode & 0o7777) | (stat.isDirectory() ? directoryBits : fileBits));
}
