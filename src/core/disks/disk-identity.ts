import { statSync, type Stats } from "node:fs";

/** A descriptor of a process, which is a path for as long as that process lives. */
const ofProcess = /^\/proc\/\d+\/fd\/\d+$/;

/**
 * What stands at a path, whatever it is called: a device by its numbers, a file by its inode; undefined when nothing does. What
 * is known by a descriptor of a process has none: the machine holds it, and nobody looks at the path again.
 */
export function diskIdentity(path: string): string | undefined {
  if (ofProcess.test(path)) return undefined;
  const stat: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isBlockDevice() ? `device ${stat.rdev}` : `file ${stat.dev}:${stat.ino}`;
}
