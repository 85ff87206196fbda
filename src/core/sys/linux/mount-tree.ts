import { MountFlag } from "../mount-flags.js";
import type { MountAttributes } from "../mounts.js";
import type { PathOrFd } from "../path-or-fd.js";
import { closeFd } from "./close-fd.js";
import { pathOf, pathOfFd } from "./fd-path.js";
import type { Libc } from "./libc.js";

const cwd = -100;
const emptyPath = 0x1000;
const recursiveFlag = 0x8000;
const cloneTree = 1;
const closeOnExec = 0o2000000;
const moveFromEmptyPath = 0x4;
const moveFollowTarget = 0x10;

/** `MOUNT_ATTR_*` of mount_setattr(2) for the `MS_*` bits of mount(2) that a mount has of its own. */
const attributeOfFlag: readonly (readonly [flag: number, attribute: number])[] = [
  [MountFlag.readOnly, 0x1],
  [MountFlag.noSuid, 0x2],
  [MountFlag.noDev, 0x4],
  [MountFlag.noExec, 0x8],
  [MountFlag.noAtime, 0x10],
  [MountFlag.strictAtime, 0x20],
  [MountFlag.noDirAtime, 0x80],
  [MountFlag.noSymlinkFollow, 0x200000],
];
const atimeMask = 0x70;

/** The `MS_*` bits of attributes in words. */
export function flagsOfAttributes(attributes: MountAttributes): number {
  return (
    (attributes.readOnly === true ? MountFlag.readOnly : 0) |
    (attributes.noSuid === true ? MountFlag.noSuid : 0) |
    (attributes.noDev === true ? MountFlag.noDev : 0) |
    (attributes.noExec === true ? MountFlag.noExec : 0) |
    (attributes.noSymlinkFollow === true ? MountFlag.noSymlinkFollow : 0)
  );
}

/** `struct mount_attr`: adds what is asked for and takes nothing away, so that a locked attribute never stands in the way. */
function encodeAttributes(flags: number, propagation: number): Uint8Array {
  let set = 0;
  for (const [flag, attribute] of attributeOfFlag) if ((flags & flag) !== 0) set |= attribute;
  const changesAtime = (flags & (MountFlag.noAtime | MountFlag.strictAtime | MountFlag.relatime)) !== 0;
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(BigInt(set), 0);
  bytes.writeBigUInt64LE(BigInt(changesAtime ? atimeMask : 0), 8);
  bytes.writeBigUInt64LE(BigInt(propagation), 16);
  return bytes;
}

function setAttributes(libc: Libc, fd: number, path: string, at: number, flags: number, propagation: number): void {
  if (flags === 0 && propagation === 0) return;
  const attributes = encodeAttributes(flags, propagation);
  libc.syscall("mount_setattr", "int, str, uint, void*, size_t", fd, path, at, attributes, attributes.length);
}

/** Adds `MS_*` bits to the mount at `target`, and to those below it when `recursive`. */
export function setMountAttributes(
  libc: Libc,
  target: PathOrFd,
  change: { readonly flags: number; readonly propagation: number; readonly recursive: boolean },
): void {
  const at = change.recursive ? recursiveFlag : 0;
  setAttributes(libc, cwd, pathOf(target), at, change.flags, change.propagation);
}

/** What `bindTree` makes. */
export interface TreeOptions {
  readonly recursive: boolean;
  /** Bits of the topmost mount. */
  readonly flags: number;
  /** Bits of every mount of the tree. */
  readonly recursiveFlags: number;
  readonly propagation: number;
}

/**
 * Bind-mounts a copy of the tree at `source`. It is made out of sight, restricted, and only then attached: there is no
 * moment in which a read-only bind mount can be written to.
 */
export async function bindTree(libc: Libc, source: PathOrFd, target: PathOrFd, options: TreeOptions): Promise<void> {
  const targetPath = pathOf(target);
  const how = cloneTree | closeOnExec | (options.recursive ? recursiveFlag : 0);
  const open = "int, str, uint";
  const tree =
    typeof source === "number"
      ? await libc.syscallAsync("open_tree", open, (pathOfFd(source), source), "", how | emptyPath)
      : await libc.syscallAsync("open_tree", open, cwd, source, how);
  try {
    const deep = emptyPath | (options.recursive ? recursiveFlag : 0);
    setAttributes(libc, tree, "", deep, options.recursiveFlags, options.propagation);
    setAttributes(libc, tree, "", emptyPath, options.flags, 0);
    const move = moveFromEmptyPath | moveFollowTarget;
    libc.syscall("move_mount", "int, str, int, str, uint", tree, "", cwd, targetPath, move);
  } finally {
    closeFd(tree);
  }
}
