import type { Inodes } from "../../core/sys/inodes.js";

/** An entry of a directory as the kernel gives it: `struct linux_dirent64`. */
export interface DirectoryEntry {
  readonly inode: bigint;
  /** Where the next one is, in the file system's own count. */
  readonly next: bigint;
  /** `DT_*`. */
  readonly type: number;
  /** With its zero byte. */
  readonly name: Uint8Array;
}

/** Bytes before the name: inode, next place, length of the entry, type. */
const nameAt = 19;

const scratch = new Uint8Array(64 * 1024);
const view = new DataView(scratch.buffer);

/** Reads entries from where a directory's descriptor stands, `bytes` of them at most, or an errno. Names are good until the next call. */
export function readEntries(inodes: Inodes, fd: number, bytes: number): readonly DirectoryEntry[] | number {
  const length = inodes.readDirectory(fd, scratch.subarray(0, Math.min(bytes, scratch.length)));
  if (length < 0) return length;
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
    const end = scratch.indexOf(0, at + nameAt);
    entries.push({
      inode: view.getBigUint64(at, true),
      next: view.getBigInt64(at + 8, true),
      type: view.getUint8(at + 18),
      name: scratch.subarray(at + nameAt, end + 1),
    });
  }
  return entries;
}
