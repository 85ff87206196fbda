import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";

/** Kernel's Documentation/filesystems/erofs.rst and `fs/erofs/erofs_fs.h`: where the superblock is, and what it begins with. */
const superblock = { offset: 1024, magic: 0xe0f5e1e2 } as const;

/**
 * What a layer is behind all links, if it is a file or a block device that an erofs begins on; an error with the reason where
 * it is none. Only the first bytes are looked at: all else is the guest's to read.
 */
export function layerFile(source: string): string {
  const path = realpathSync(source);
  const magic = Buffer.alloc(4);
  // A fifo that has come to stand there is not waited for.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() && !stat.isBlockDevice()) throw new Error("that is neither a file nor a block device");
    const read = readSync(fd, magic, 0, magic.length, superblock.offset);
    if (read < magic.length || magic.readUInt32LE() !== superblock.magic)
      throw new Error("no file system of erofs is on it");
  } finally {
    closeSync(fd);
  }
  return path;
}

/**
 * Each file once, where it is the topmost: one that is a layer twice, under two names too, adds nothing below itself, and the
 * guest's kernel refuses an overlay that has it twice (ELOOP).
 */
export function eachOnce(paths: readonly string[]): string[] {
  const byIdentity = new Map<string, string>();
  for (const path of paths) {
    const stat = statSync(path);
    const identity = stat.isBlockDevice() ? `device ${stat.rdev}` : `file ${stat.dev}:${stat.ino}`;
    if (!byIdentity.has(identity)) byIdentity.set(identity, path);
  }
  return [...byIdentity.values()];
}

/** The disk that a container writes to, behind all links; an error with the reason where there is none. */
export function writableFile(source: string): string {
  const path = realpathSync(source);
  const stat = statSync(path);
  if (!stat.isFile() && !stat.isBlockDevice()) throw new Error("that is neither a file nor a block device");
  if (stat.isFile() && stat.size === 0) throw new Error("that file is empty");
  return path;
}
