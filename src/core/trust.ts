import { lstatSync } from "node:fs";
import { dirname } from "node:path";

const groupOrOtherWritable = 0o022;
const stickyBit = 0o1000;

/**
 * Says why somebody besides root and `owner` (the user of this process when absent) could change what stands at a path,
 * links resolved: it or a directory above it belongs to another user or may be written by others. Undefined when nobody
 * could: then what is used afterwards is what was checked. In a sticky directory as `/tmp` others may add entries but not
 * replace one, so it counts as safe for what lies in it.
 */
export function distrust(path: string, owner: number = process.geteuid?.() ?? 0): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    const { uid, mode, isSticky } = ownership(at);
    if (uid !== 0 && uid !== owner) return `${at} belongs to user ${uid}`;
    if ((mode & groupOrOtherWritable) !== 0 && !isSticky) {
      return `${at} can be written by group or others (mode ${(mode & 0o7777).toString(8)})`;
    }
    if (at === dirname(at)) return undefined;
  }
}

function ownership(path: string) {
  const stat = lstatSync(path);
  return { uid: stat.uid, mode: stat.mode, isSticky: stat.isDirectory() && (stat.mode & stickyBit) !== 0 };
}
