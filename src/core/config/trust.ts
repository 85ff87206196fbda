import { lstat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Says why a path, links resolved, cannot be trusted: it or a directory above it belongs to neither root nor `owner`, or may
 * be written by others (a sticky directory as `/tmp` counts as safe for what lies in it). Undefined when it can be.
 */
export async function distrust(path: string, owner: number): Promise<string | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const stat = await lstat(at);
    if (stat.uid !== 0 && stat.uid !== owner) return `${at} belongs to user ${stat.uid}`;
    const isSticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
    if ((stat.mode & 0o022) !== 0 && !isSticky) {
      return `${at} may be written by others (mode ${(stat.mode & 0o7777).toString(8)})`;
    }
    if (at === dirname(at)) return undefined;
  }
}
