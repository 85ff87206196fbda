import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "./errors/error.js";

/** The directory at a path on which a file system of its own is mounted; undefined for what is not there, or is none. */
export function mountPointAt(path: string): Stats | undefined {
  const own = directoryAt(path);
  return own === undefined || own.dev === directoryAt(dirname(path))?.dev ? undefined : own;
}

function directoryAt(path: string): Stats | undefined {
  try {
    const stat = statSync(path);
    return stat.isDirectory() ? stat : undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
