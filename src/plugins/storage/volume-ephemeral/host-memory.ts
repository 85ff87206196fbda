import { mountPointAt } from "../../../core/mount-point.js";
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
  const own = mountPointAt(path);
  if (own === undefined) return undefined;
  const { type, totalBytes } = sys.files.statfs(path);
  return type === fileSystemType.tmpfs ? { bytes: totalBytes, gid: own.gid, mode: own.mode & 0o7777 } : undefined;
}
