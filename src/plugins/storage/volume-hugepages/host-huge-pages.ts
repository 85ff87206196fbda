import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../../../core/errors/error.js";
import { fileSystemType } from "../../../core/sys/file-system-type.js";
import type { Sys } from "../../../core/sys/sys.js";

/** A file system of huge pages that is mounted on the host. */
export interface HostHugePages {
  readonly pageBytes: number;
  /** The most it may hold (`size=`); undefined where it has no limit of its own. */
  readonly bytes: number | undefined;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** What is mounted at a path, when that is huge pages. */
export function hostHugePages(sys: Pick<Sys, "files">, path: string): HostHugePages | undefined {
  const own = directoryAt(path);
  if (own === undefined || own.dev === directoryAt(dirname(path))?.dev) return undefined;
  const { type, blockSize: pageBytes, totalBytes } = sys.files.statfs(path);
  if (type !== fileSystemType.hugetlbfs) return undefined;
  // Without a limit it tells of 0 blocks, or of -1 (fs/hugetlbfs/inode.c).
  const bytes = totalBytes > 0 && totalBytes < Number.MAX_SAFE_INTEGER ? totalBytes : undefined;
  return { pageBytes, bytes, gid: own.gid, mode: own.mode & 0o7777 };
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
