import { mkdirSync } from "node:fs";

/** Bytes of the longest path that the kernel takes. */
const longestPath = 4095;

/** Bytes of each of its parts. */
const partLength = 200;

/** Makes a directory below another, so deep that a path in it that is `more` bytes longer is as long as a path can be. */
export function makeDeepDirectory(below: string, more: number): string {
  let path = below;
  for (let rest = longestPath - more - path.length; rest > 0; ) {
    // What is left after it must do for a slash and a name.
    const take = Math.min(rest, rest - partLength === 1 ? partLength - 1 : partLength);
    path += `/${"d".repeat(take - 1)}`;
    rest -= take;
  }
  mkdirSync(path, { recursive: true });
  return path;
}
