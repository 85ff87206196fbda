import { sysErrors } from "../errors.js";
import { type Inodes, statfsSize, statxSize, type TerminatedName, type WriteOptions } from "../inodes.js";
import { OpenFlag } from "../open-flags.js";
import { IoVectors } from "./io-vectors.js";
import type { Libc } from "./libc.js";

const eagain = 11;
const fromDescriptor = 0x1000; // AT_EMPTY_PATH
const noFollow = 0x100; // AT_SYMLINK_NOFOLLOW
const removeDirectory = 0x200; // AT_REMOVEDIR
const noAutomount = 0x800; // AT_NO_AUTOMOUNT
/** STATX_BASIC_STATS and STATX_MNT_ID, the latter since Linux 5.8. */
const statMask = 0x17ff;
/** RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH */
const resolveBeneath = 0x02 | 0x04 | 0x08;
const noWait = 0x08; // RWF_NOWAIT
const atEnd = 0x10; // RWF_APPEND
const duplicateCloseOnExec = 1030; // F_DUPFD_CLOEXEC
const openAttempts = 128;

const empty = Uint8Array.of(0);
const preadv2 = "intptr_t preadv2(int, void*, int, int64_t, int)";
const pwritev2 = "intptr_t pwritev2(int, void*, int, int64_t, int)";

/** A name that does not end would have the kernel read on beyond it. */
function checked(name: TerminatedName): TerminatedName {
  if (name.length > 0 && name[name.length - 1] === 0) return name;
  throw sysErrors.KATA_SYS_VALUE({ what: "the end of a name", value: "no zero byte", expected: "one" });
}

/** Memory of the length that the kernel will write. */
function sized(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length >= size) return bytes;
  const [value, expected] = [String(bytes.length), `at least ${size}`];
  throw sysErrors.KATA_SYS_VALUE({ what: "the room for an answer", value, expected });
}

/** By which a call that takes only paths reaches exactly what a descriptor is of. */
const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;

/** `Inodes` by the *at calls. */
export class LinuxInodes implements Inodes {
  readonly #libc: Libc;
  readonly #vectors: IoVectors;
  /** `struct open_how`. */
  readonly #how = new DataView(new ArrayBuffer(24));
  readonly #howBytes = new Uint8Array(this.#how.buffer);

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#vectors = new IoVectors(libc);
  }

  open(directory: number, name: TerminatedName, flags: number, mode: number): number {
    this.#how.setUint32(0, flags | OpenFlag.closeOnExec, true);
    this.#how.setUint32(8, mode, true);
    this.#how.setUint32(16, resolveBeneath, true);
    let result = -eagain;
    // The kernel gives up when mounts or renames go on around it; a hostile one could make it do so for ever.
    for (let i = 0; result === -eagain && i < openAttempts; i++) {
      result = this.#libc.attemptSyscall(
        "openat2",
        "int, void*, void*, size_t",
        directory,
        checked(name),
        this.#howBytes,
        24,
      );
    }
    return result;
  }

  reopen(fd: number, flags: number): number {
    return this.#libc.attempt("int open(str, int, uint)", pathOf(fd), flags | OpenFlag.closeOnExec, 0);
  }

  duplicate(fd: number): number {
    return this.#libc.attempt("int fcntl(int, int, intptr_t)", fd, duplicateCloseOnExec, 0);
  }

  close(fd: number): number {
    return this.#libc.attempt("int close(int)", fd);
  }

  stat(fd: number, into: Uint8Array): number {
    return this.#statx(fd, empty, fromDescriptor | noFollow, into);
  }

  statName(directory: number, name: TerminatedName, into: Uint8Array): number {
    return this.#statx(directory, checked(name), noFollow | noAutomount, into);
  }

  statfs(fd: number, into: Uint8Array): number {
    return this.#libc.attempt("int fstatfs(int, void*)", fd, sized(into, statfsSize));
  }

  makeDirectory(directory: number, name: TerminatedName, mode: number): number {
    return this.#libc.attempt("int mkdirat(int, void*, uint)", directory, checked(name), mode);
  }

  makeNode(directory: number, name: TerminatedName, mode: number, device: bigint): number {
    return this.#libc.attempt("int mknodat(int, void*, uint, uint64_t)", directory, checked(name), mode, device);
  }

  makeSymlink(directory: number, name: TerminatedName, target: TerminatedName): number {
    return this.#libc.attempt("int symlinkat(void*, int, void*)", checked(target), directory, checked(name));
  }

  readSymlink(fd: number, into: Uint8Array): number {
    return this.#libc.attempt("intptr_t readlinkat(int, void*, void*, size_t)", fd, empty, into, into.length);
  }

  link(fd: number, directory: number, name: TerminatedName): number {
    const types = "int linkat(int, void*, int, void*, int)";
    return this.#libc.attempt(types, fd, empty, directory, checked(name), fromDescriptor);
  }

  unlink(directory: number, name: TerminatedName): number {
    return this.#libc.attempt("int unlinkat(int, void*, int)", directory, checked(name), 0);
  }

  removeDirectory(directory: number, name: TerminatedName): number {
    return this.#libc.attempt("int unlinkat(int, void*, int)", directory, checked(name), removeDirectory);
  }

  rename(from: number, name: TerminatedName, to: number, newName: TerminatedName, flags: number): number {
    const types = "int renameat2(int, void*, int, void*, uint)";
    return this.#libc.attempt(types, from, checked(name), to, checked(newName), flags);
  }

  changeMode(fd: number, mode: number): number {
    return this.#libc.attempt("int chmod(str, uint)", pathOf(fd), mode);
  }

  changeOwner(fd: number, uid: number, gid: number): number {
    const types = "int fchownat(int, void*, uint, uint, int)";
    return this.#libc.attempt(types, fd, empty, uid >>> 0, gid >>> 0, fromDescriptor | noFollow);
  }

  changeTimes(fd: number, times: Uint8Array): number {
    const types = "int utimensat(int, void*, void*, int)";
    return this.#libc.attempt(types, fd, empty, sized(times, 32), fromDescriptor | noFollow);
  }

  truncate(fd: number, size: number): number {
    return this.#libc.attempt("int truncate(str, int64_t)", pathOf(fd), size);
  }

  readDirectory(fd: number, into: Uint8Array): number {
    return this.#libc.attempt("intptr_t getdents64(int, void*, size_t)", fd, into, into.length);
  }

  seek(fd: number, offset: number | bigint, whence: number): number | bigint {
    return this.#libc.attempt("int64_t lseek(int, int64_t, int)", fd, offset, whence);
  }

  getAttribute(fd: number, name: TerminatedName, into: Uint8Array): number {
    const types = "intptr_t getxattr(str, void*, void*, size_t)";
    return this.#libc.attempt(types, pathOf(fd), checked(name), into, into.length);
  }

  listAttributes(fd: number, into: Uint8Array): number {
    return this.#libc.attempt("intptr_t listxattr(str, void*, size_t)", pathOf(fd), into, into.length);
  }

  setAttribute(fd: number, name: TerminatedName, value: Uint8Array, flags: number): number {
    const types = "int setxattr(str, void*, void*, size_t, int)";
    return this.#libc.attempt(types, pathOf(fd), checked(name), value, value.length, flags);
  }

  removeAttribute(fd: number, name: TerminatedName): number {
    return this.#libc.attempt("int removexattr(str, void*)", pathOf(fd), checked(name));
  }

  readAtOnce(fd: number, pieces: readonly Uint8Array[], position: number): number {
    const { bytes, count } = this.#vectors.brief(pieces);
    return this.#libc.attempt(preadv2, fd, bytes, count, position, noWait);
  }

  async readAt(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
    const { bytes, count } = this.#vectors.lasting(pieces);
    const result = await this.#libc.attemptAsync(preadv2, fd, bytes, count, position, 0);
    // The kernel has written into the pieces, which nothing else may have kept.
    return pieces.length === 0 ? 0 : result;
  }

  writeAtOnce(fd: number, pieces: readonly Uint8Array[], position: number, { append }: WriteOptions): number {
    const { bytes, count } = this.#vectors.brief(pieces);
    return this.#libc.attempt(pwritev2, fd, bytes, count, position, append ? atEnd : 0);
  }

  async writeAt(
    fd: number,
    pieces: readonly Uint8Array[],
    position: number,
    { append }: WriteOptions,
  ): Promise<number> {
    const { bytes, count } = this.#vectors.lasting(pieces);
    const result = await this.#libc.attemptAsync(pwritev2, fd, bytes, count, position, append ? atEnd : 0);
    return pieces.length === 0 ? 0 : result;
  }

  sync(fd: number, dataOnly: boolean): Promise<number> {
    return this.#libc.attemptAsync(dataOnly ? "int fdatasync(int)" : "int fsync(int)", fd);
  }

  syncFilesystem(fd: number): Promise<number> {
    return this.#libc.attemptAsync("int syncfs(int)", fd);
  }

  allocate(fd: number, mode: number, offset: number, length: number): Promise<number> {
    return this.#libc.attemptAsync("int fallocate(int, int, int64_t, int64_t)", fd, mode, offset, length);
  }

  copyRange(from: number, at: number, to: number, toAt: number, length: number): Promise<number> {
    const places = new BigInt64Array([BigInt(at), BigInt(toAt)]);
    const [source, target] = [new Uint8Array(places.buffer, 0, 8), new Uint8Array(places.buffer, 8, 8)];
    const types = "intptr_t copy_file_range(int, void*, int, void*, size_t, uint)";
    return this.#libc.attemptAsync(types, from, source, to, target, length, 0);
  }

  #statx(fd: number, name: Uint8Array, flags: number, into: Uint8Array): number {
    const types = "int statx(int, void*, int, uint, void*)";
    return this.#libc.attempt(types, fd, name, flags, statMask, sized(into, statxSize));
  }
}
