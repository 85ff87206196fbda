import type { Deadline } from "../deadline.js";
import type { PathOrFd } from "./path-or-fd.js";

/** Limits openat2(2) puts on the way a path is resolved. All refuse with ELOOP or EXDEV. */
export interface Resolve {
  /** Never above the starting directory, neither by `..` nor by an absolute link. */
  readonly beneath?: boolean;
  /** The starting directory is the root: `..`, absolute paths and links stay in it. */
  readonly inRoot?: boolean;
  readonly noSymlinks?: boolean;
  /** No links like /proc/PID/fd/N. */
  readonly noMagicLinks?: boolean;
  /** Never onto another mount, not even a bind mount of the same file system. */
  readonly noCrossing?: boolean;
}

/** What `openat2` is asked for. */
export interface OpenHow {
  /** `O_*` of `open-flags.ts`; `O_CLOEXEC` is always added. */
  readonly flags: number;
  /** Permissions of a file that is made. */
  readonly mode?: number;
  readonly resolve?: Resolve;
}

/** What statfs(2) says of a file system. */
export interface FilesystemInfo {
  /** Magic number of its type: `0xef53` is ext4. */
  readonly type: number;
  /** Bytes. */
  readonly blockSize: number;
  readonly totalBytes: number;
  /** Bytes that are not used; some may be kept for root. */
  readonly freeBytes: number;
  /** Bytes an unprivileged process may still use. */
  readonly availableBytes: number;
  readonly totalFiles: number;
  readonly freeFiles: number;
}

/** A stretch of a file. Bytes. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** What `mknod` makes. */
export type NodeKind = "fifo" | "character" | "block" | "socket" | "regular";

/** A held flock(2) lock. Released by `release`, or by the kernel when the process ends. */
export interface FileLock {
  release(): void;
}

/**
 * Files by paths that others may choose or change: names from a guest, an image, a spec. Whatever they do meanwhile
 * (symbolic links, renames, `..`), these calls stay below the directory they are given.
 */
export interface Files {
  /** openat2(2), Linux 5.6. `directory` is where a relative path starts. */
  openat2(directory: PathOrFd, path: string, how: OpenHow): number;

  /** Opens `relative` below `root`. No symbolic link is followed, nowhere on the way: ELOOP; leaving `root` is EXDEV. */
  openBeneath(root: PathOrFd, relative: string, flags: number, mode?: number): number;

  /** Opens `path` as if `root` were `/`: symbolic links are followed, but inside of it. For paths an image means. */
  openInRoot(root: PathOrFd, path: string, flags: number, mode?: number): number;

  /**
   * Makes `relative` below `root`, each missing level with `mode`, following no symbolic link, and gives an `O_PATH`
   * descriptor of the last level: a safe target for a mount.
   */
  mkdirBeneath(root: PathOrFd, relative: string, mode?: number): number;

  /** Makes an empty file `relative` below `root` when there is none, parents too; an `O_PATH` descriptor of it. */
  touchBeneath(root: PathOrFd, relative: string, mode?: number): number;

  /**
   * Removes `relative` below `root` with all it holds. Follows no symbolic link and enters no mount: one on the way is
   * `KATA_SYS_CROSSES_MOUNT`, and everything beyond it is untouched. A path that does not exist is fine.
   */
  removeTreeBeneath(root: PathOrFd, relative: string): Promise<void>;

  /**
   * The path by which a call without descriptors reaches exactly the file behind `fd`: `/proc/self/fd/N`. Refuses a
   * descriptor of a symbolic link with `KATA_SYS_SYMLINK`, since the kernel would follow that link.
   */
  pathOfFd(fd: number): string;

  /** Writes a file so that a reader, and a machine that dies, sees the old or the new content whole, on disk. */
  writeFileAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void>;

  /** Writes an attribute of the kernel, a file of sysfs, by one call: what it asks for is done when it returns. */
  writeAttribute(path: string, text: string): void;

  /** Makes the entries of a directory (a new or renamed file) survive a power loss. */
  syncDirectory(path: string): Promise<void>;

  /** flock(2), exclusive unless `shared`, on a file that is made when missing (mode 0600). Waits as long as the deadline allows. */
  lock(path: string, deadline: Deadline, options?: { readonly shared?: boolean }): Promise<FileLock>;

  /** As `lock`, but undefined at once when another holds it. */
  tryLock(path: string, options?: { readonly shared?: boolean }): FileLock | undefined;

  statfs(file: PathOrFd): FilesystemInfo;

  /** mknod(2). `device` is for character and block devices. */
  mknod(path: string, kind: NodeKind, mode: number, device?: { readonly major: number; readonly minor: number }): void;

  /** Extends a file without a hole, so that later writes cannot run out of space; ENOSPC at once. Bytes. */
  allocate(fd: number, offset: number, length: number): void;

  /**
   * Gives the blocks of a range back, at once: it reads as zeros from then on. For a file, whose size stays, or a memfd,
   * whose pages go wherever they are mapped. Bytes; what is only a part of a block or page is filled with zeros.
   */
  punchHole(fd: number, offset: number, length: number): void;

  /**
   * The stretches of a file that are no holes, in order, by lseek(2); what is between them reads as zeros. A file system that
   * knows of no holes has one for all of the file. The descriptor's position is another afterwards.
   */
  dataRanges(fd: number): FileRange[];

  /**
   * Makes a range of a file or of a block device read as zeros, beside the event loop; with `deallocate` its blocks are
   * given back, without it they stay its own. EOPNOTSUPP where the file system or the device cannot. Bytes.
   */
  zeroRange(fd: number, offset: number, length: number, options: { readonly deallocate: boolean }): Promise<void>;
}
