import type { Stats } from "node:fs";

/** Who besides this user could have written something; undefined when nobody could. */
export function strangers(path: string, { uid, mode }: Pick<Stats, "uid" | "mode">): string | undefined {
  const user = process.geteuid?.();
  if (uid !== user) return `${path} belongs to user ${uid}, and this is user ${user}`;
  return (mode & 0o022) === 0
    ? undefined
    : `${path} can be written by group or others (mode ${(mode & 0o7777).toString(8)})`;
}
