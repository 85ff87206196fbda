/** One name in a directory as its bytes, with a zero byte at its end and none before. Names need not be UTF-8. */
export type TerminatedName = Uint8Array;

/** Bytes of `struct statx` and of `struct statfs` of 64-bit Linux. */
export const statxSize = 256;
export const statfsSize = 120;

/** How `writeAt` writes: `RWF_*` of `include/uapi/linux/fs.h`. */
export interface WriteOptions {
  /** At the end of the file, whatever the position. */
  readonly append: boolean;
}

/**
 * Files by descriptors and single names, for who serves a directory to others: names are bytes, nothing is resolved beyond
 * one level, and no symbolic link is followed. A descriptor may be one of `O_PATH` unless it is for data.
 *
 * All of these give what the kernel gives, or the negated errno: being refused is as usual here as not, and an error object
 * would cost more than the call. What returns a promise runs beside the event loop; its memory must stay unchanged until then.
 */
export interface Inodes {
  /** Opens a name in a directory: never a link, never beyond it, mounts are crossed. `flags` are of open(2). */
  open(directory: number, name: TerminatedName, flags: number, mode: number): number;
  /** Opens once more what a descriptor is of, which is no symbolic link. */
  reopen(fd: number, flags: number): number;
  /** Another descriptor of the same open file. */
  duplicate(fd: number): number;
  close(fd: number): number;

  /** statx(2) into `statxSize` bytes: the basic fields, and which mount it is on. */
  stat(fd: number, into: Uint8Array): number;
  /** The same of a name in a directory: of the link when it is one, of what is mounted there when something is. */
  statName(directory: number, name: TerminatedName, into: Uint8Array): number;
  /** fstatfs(2) into `statfsSize` bytes. */
  statfs(fd: number, into: Uint8Array): number;

  makeDirectory(directory: number, name: TerminatedName, mode: number): number;
  /** `mode` with the type; `device` as `makedev` has it. */
  makeNode(directory: number, name: TerminatedName, mode: number, device: bigint): number;
  makeSymlink(directory: number, name: TerminatedName, target: TerminatedName): number;
  readSymlink(fd: number, into: Uint8Array): number;
  /** A further name for what a descriptor is of. */
  link(fd: number, directory: number, name: TerminatedName): number;
  unlink(directory: number, name: TerminatedName): number;
  removeDirectory(directory: number, name: TerminatedName): number;
  /** renameat2(2); `flags` are `RENAME_*`. */
  rename(from: number, name: TerminatedName, to: number, newName: TerminatedName, flags: number): number;

  /** Not for symbolic links, which have no mode. */
  changeMode(fd: number, mode: number): number;
  /** -1 leaves one as it is. */
  changeOwner(fd: number, uid: number, gid: number): number;
  /** Two `struct timespec`, of reading and of writing, with `UTIME_*`. */
  changeTimes(fd: number, times: Uint8Array): number;
  /** The size of a regular file. */
  truncate(fd: number, size: number): number;

  /** getdents64(2). */
  readDirectory(fd: number, into: Uint8Array): number;
  /** lseek(2). The place is in `Number`s as far as those are exact. */
  seek(fd: number, offset: number | bigint, whence: number): number | bigint;

  /** Extended attributes, of what is no symbolic link. With no room, the bytes that would be needed. */
  getAttribute(fd: number, name: TerminatedName, into: Uint8Array): number;
  listAttributes(fd: number, into: Uint8Array): number;
  /** `flags` are `XATTR_*` of setxattr(2). */
  setAttribute(fd: number, name: TerminatedName, value: Uint8Array, flags: number): number;
  removeAttribute(fd: number, name: TerminatedName): number;

  /** Reads at a position into pieces of memory, as far as that needs no waiting: EAGAIN, or EOPNOTSUPP where nobody knows. */
  readAtOnce(fd: number, pieces: readonly Uint8Array[], position: number): number;
  readAt(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number>;
  /** Writes at once, waiting as long as that takes. */
  writeAtOnce(fd: number, pieces: readonly Uint8Array[], position: number, options: WriteOptions): number;
  writeAt(fd: number, pieces: readonly Uint8Array[], position: number, options: WriteOptions): Promise<number>;

  /** fsync(2) or fdatasync(2). */
  sync(fd: number, dataOnly: boolean): Promise<number>;
  /** syncfs(2) of the file system that a descriptor is on. */
  syncFilesystem(fd: number): Promise<number>;
  /** fallocate(2); `mode` is `FALLOC_FL_*`. */
  allocate(fd: number, mode: number, offset: number, length: number): Promise<number>;
  /** copy_file_range(2). */
  copyRange(from: number, at: number, to: number, toAt: number, length: number): Promise<number>;
}
