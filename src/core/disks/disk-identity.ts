import { statSync, type Stats } from "node:fs";

/** What stands at a path, whatever it is called: a device by its numbers, a file by its inode; undefined when nothing does. */
export function diskIdentity(path: string): string | undefined {
  const stat: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isBlockDevice() ? `device ${stat.rdev}` : `file ${stat.dev}:${stat.ino}`;
}
