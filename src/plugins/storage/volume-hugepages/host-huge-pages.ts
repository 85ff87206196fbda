import { mountPointAt } from "../../../core/mount-point.js";
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
  const own = mountPointAt(path);
  if (own === undefined) return undefined;
  const { type, blockSize: pageBytes, totalBytes } = sys.files.statfs(path);
  if (type !== fileSystemType.hugetlbfs) return undefined;
  // Without a limit it tells of 0 blocks, or of -1 (fs/hugetlbfs/inode.c).
  const bytes = totalBytes > 0 && totalBytes < Number.MAX_SAFE_INTEGER ? totalBytes : undefined;
  return { pageBytes, bytes, gid: own.gid, mode: own.mode & 0o7777 };
}
