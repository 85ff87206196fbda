import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.js";
import { imageErrors } from "./errors.js";
import type { FileTree } from "./file-tree.js";
import { imageTime } from "./format.js";

const blockSize = 4096;
const inodeSize = 256;

/** Inodes for what ext4 itself keeps. */
const spareInodes = 64;

/** Sizes of images are multiples of this, so that one can be given to a guest as persistent memory too. */
const sizeStep = 128 << 20;

/** Fixed, since the file system is one of many equal ones and never written to. */
const uuid = "6b617461-7473-4000-8000-000000000001";
const hashSeed = "6b617461-7473-4000-8000-000000000002";

/**
 * What a file system needs that is only read: no journal, and no checksums, since the times of inodes are set after
 * mke2fs, which takes some of them from the clock.
 */
const features = "none,extent,filetype,sparse_super,large_file,huge_file,dir_nlink,extra_isize,dir_index,64bit";

/** Places in the super block (fs/ext4/ext4.h). */
const superBlock = {
  at: 1024,
  size: 1024,
  magic: 0x38,
  inodesPerGroup: 0x28,
  inodes: 0x00,
  descriptorSize: 0xfe,
  writeTime: 0x30,
  checkTime: 0x40,
  makeTime: 0x108,
} as const;

/** Places in an inode: uid, gid and the halves above them, the generation; the times, and their parts below a second. */
const inodeZeros32 = [0x64, 0x84, 0x88, 0x8c, 0x94] as const;
const inodeZeros16 = [0x02, 0x18, 0x78, 0x7a] as const;
const inodeTimes = [0x08, 0x0c, 0x10, 0x90] as const;
const inodeLinks = 0x1a;

function readAt(fd: number, length: number, position: number, path: string): Buffer {
  const buffer = Buffer.alloc(length);
  if (readSync(fd, buffer, 0, length, position) === length) return buffer;
  throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: path, problem: "it is shorter than its file system says" });
}

function fixInodes(table: Buffer): void {
  for (let at = 0; at < table.length; at += inodeSize) {
    if (table.readUInt16LE(at + inodeLinks) === 0) continue;
    for (const place of inodeZeros16) table.writeUInt16LE(0, at + place);
    for (const place of inodeZeros32) table.writeUInt32LE(0, at + place);
    for (const place of inodeTimes) table.writeUInt32LE(imageTime, at + place);
  }
}

/** Gives all inodes to root and sets every time to the image's, in a file system as `writeExt4` has it made. */
function normalize(path: string): void {
  const fd = openSync(path, "r+");
  try {
    const head = readAt(fd, superBlock.size, superBlock.at, path);
    if (head.readUInt16LE(superBlock.magic) !== 0xef53) {
      throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: path, problem: "mke2fs made no ext4 file system" });
    }
    for (const place of [superBlock.writeTime, superBlock.checkTime, superBlock.makeTime]) {
      head.writeUInt32LE(imageTime, place);
    }
    writeSync(fd, head, 0, head.length, superBlock.at);

    const inodesPerGroup = head.readUInt32LE(superBlock.inodesPerGroup);
    const groups = head.readUInt32LE(superBlock.inodes) / inodesPerGroup;
    const descriptorSize = head.readUInt16LE(superBlock.descriptorSize);
    const descriptors = readAt(fd, groups * descriptorSize, blockSize, path);
    for (let group = 0; group < groups; group++) {
      const start = descriptors.readUInt32LE(group * descriptorSize + 8) * blockSize;
      const table = readAt(fd, inodesPerGroup * inodeSize, start, path);
      fixInodes(table);
      writeSync(fd, table, 0, table.length, start);
    }
  } finally {
    closeSync(fd);
  }
}

/** Writes a tree into an empty directory. */
function stage(tree: FileTree, directory: string): void {
  const made: string[] = [];
  for (const [path, entry] of tree.entries()) {
    const target = join(directory, path);
    if (entry.kind === "directory") {
      mkdirSync(target);
      made.push(target);
      continue;
    }
    if (entry.kind === "symlink") {
      symlinkSync(entry.target, target);
      lutimesSync(target, imageTime, imageTime);
      continue;
    }
    entry.copyTo(target, writeFileSync);
    chmodSync(target, entry.mode);
    utimesSync(target, imageTime, imageTime);
  }
  for (const [path, entry] of tree.entries()) {
    if (entry.kind === "directory") chmodSync(join(directory, path), entry.mode);
  }
  for (const target of made) utimesSync(target, imageTime, imageTime);
}

/** Bytes and inodes a tree takes. */
function sizeOf(tree: FileTree): { bytes: number; inodes: number } {
  const entries = tree.entries();
  const blocks = (bytes: number): number => Math.ceil(bytes / blockSize) * blockSize;
  const sizes = entries.map(([, entry]) => (entry.kind === "file" ? blocks(entry.size()) : blockSize));
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), inodes: entries.length + spareInodes };
}

/**
 * Makes `path` an ext4 file system that holds a tree; the same tree gives the same bytes. Works in `work`, an existing
 * directory for its intermediate files. The image is sparse, and a multiple of 128 MiB long.
 */
export async function writeExt4(tree: FileTree, path: string, work: string): Promise<void> {
  const directory = join(work, "rootfs");
  mkdirSync(directory);
  stage(tree, directory);
  const { bytes, inodes } = sizeOf(tree);
  const overhead = inodes * inodeSize + bytes / 64 + (2 << 20);
  const size = Math.ceil((bytes + overhead) / sizeStep) * sizeStep;
  const fd = openSync(path, "wx", 0o644);
  try {
    ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
  const extended = `hash_seed=${hashSeed},lazy_itable_init=0,root_owner=0:0,packed_meta_blocks=1,nodiscard`;
  await runCommand(
    "mke2fs",
    // biome-ignore format: an option and its value on one line
    [
      "-q", "-F", "-t", "ext4", "-b", String(blockSize), "-I", String(inodeSize), "-m", "0", "-N", String(inodes),
      "-O", features, "-U", uuid, "-E", extended, "-L", "kata-ts", "-d", directory, path,
    ],
    // e2fsprogs' own switch for the clock, and the common one of newer versions.
    { env: { E2FSPROGS_FAKE_TIME: String(imageTime), SOURCE_DATE_EPOCH: String(imageTime) } },
  );
  normalize(path);
  rmSync(directory, { recursive: true, force: true });
}
