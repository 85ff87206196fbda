import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../../../core/errors/error.js";
import { fileSystemType } from "../../../core/sys/file-system-type.js";
import type { Sys } from "../../../core/sys/sys.js";

/** A file system in memory that the kubelet has mounted for a volume. */
export interface HostMemory {
  /** The most it may hold, in bytes. */
  readonly bytes: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** What a directory is of memory: undefined when it is none, or when the memory is that of a directory above it. */
export function hostMemory(sys: Pick<Sys, "files">, path: string): HostMemory | undefined {
  const own = directoryAt(path);
  if (own === undefined || own.dev === directoryAt(dirname(path))?.dev) return undefined;
  const { type, totalBytes } = sys.files.statfs(path);
  return type === fileSystemType.tmpfs ? { bytes: totalBytes, gid: own.gid, mode: own.mode & 0o7777 } : undefined;
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
