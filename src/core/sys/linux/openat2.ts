import { openSync } from "node:fs";
import type { OpenHow, Resolve } from "../files.js";
import { OpenFlag } from "../open-flags.js";
import type { PathOrFd } from "../path-or-fd.js";
import { withFdSync } from "./close-fd.js";
import type { Libc } from "./libc.js";

const resolveBits: readonly (readonly [keyof Resolve, number])[] = [
  ["noCrossing", 0x01],
  ["noMagicLinks", 0x02],
  ["noSymlinks", 0x04],
  ["beneath", 0x08],
  ["inRoot", 0x10],
];

/** The kernel gives up with EAGAIN when renames go on around it; a hostile one could make it do so for ever. */
const attempts = 128;

const eagain = 11;
const fileTypes = "int, str, void*, size_t";

/** `struct open_how`. */
function encodeHow({ flags, mode = 0, resolve = {} }: OpenHow): Uint8Array {
  let bits = 0;
  for (const [name, bit] of resolveBits) if (resolve[name] === true) bits |= bit;
  const makes = (flags & OpenFlag.create) !== 0;
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(BigInt(flags | OpenFlag.closeOnExec), 0);
  bytes.writeBigUInt64LE(BigInt(makes ? mode : 0), 8);
  bytes.writeBigUInt64LE(BigInt(bits), 16);
  return bytes;
}

/** openat2(2) from an open directory; the descriptor or the negated errno. */
export function attemptOpenat2(libc: Libc, directory: number, path: string, how: OpenHow): number {
  const bytes = encodeHow(how);
  let result = -eagain;
  for (let i = 0; result === -eagain && i < attempts; i++) {
    result = libc.attemptSyscall("openat2", fileTypes, directory, path, bytes, bytes.length);
  }
  return result;
}

/** openat2(2). A directory given by its path is opened, following links: it is the caller's own. */
export function openat2(libc: Libc, directory: PathOrFd, path: string, how: OpenHow): number {
  const open = (fd: number): number => {
    const result = attemptOpenat2(libc, fd, path, how);
    if (result < 0) throw libc.error("openat2", [directory, path, how.flags], -result);
    return result;
  };
  return typeof directory === "number" ? open(directory) : withFdSync(openDirectory(directory), open);
}

/** Resolution that stays below a directory and follows nothing. */
export const beneath: Resolve = { beneath: true, noSymlinks: true, noMagicLinks: true };

/** See `Files.openBeneath`. */
export function openBeneath(libc: Libc, root: PathOrFd, relative: string, flags: number, mode?: number): number {
  return openat2(libc, root, relative === "" ? "." : relative, {
    flags,
    ...(mode === undefined ? {} : { mode }),
    resolve: beneath,
  });
}

/** A directory by its path, only to start other calls from. */
export function openDirectory(path: string): number {
  return openSync(path, OpenFlag.pathOnly | OpenFlag.directory);
}
