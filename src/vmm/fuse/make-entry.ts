import { OpenFlag } from "../../core/sys/open-flags.js";
import { type FileStat, fileType } from "./attributes.js";
import type { FuseNode } from "./node-table.js";
import type { ServedShare } from "./operation.js";
import { refused } from "./refusals.js";

const setGroup = 0o2000;
const groupRuns = 0o0010;
const modeBits = 0o7777;
const permissionBits = 0o777;

/** What is to be made. */
export interface NewEntry {
  readonly parent: FuseNode;
  readonly name: Uint8Array;
  /** Whose it will be. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Of `fileType`. */
  readonly type: number;
  readonly mode: number;
}

/** A regular file that was made, open. */
export interface NewFile {
  readonly fd: number;
  readonly node: FuseNode;
}

/**
 * Makes a regular file and opens it with `flags`. It is this process's at first, with no more than its permissions, and gets
 * its owner and the rest of its mode by the descriptor: nobody can put another file in its place meanwhile.
 */
export function makeFile(share: ServedShare, entry: NewEntry, flags: number): NewFile | number {
  const { inodes, nodes, stat } = share;
  const { parent, name, mode } = entry;
  if (nodes.full) return refused.tooMany;
  const create = OpenFlag.create | OpenFlag.exclusive | OpenFlag.noFollow;
  const fd = inodes.open(parent.fd, name, flags | create, mode & permissionBits);
  if (fd < 0) return fd;
  let path = -1;
  let result = inodes.stat(fd, stat.bytes);
  if (result >= 0) result = finish(share, fd, entry);
  if (result >= 0) {
    path = inodes.reopen(fd, OpenFlag.pathOnly);
    result = path;
  }
  const node = result < 0 ? result : nodes.adopt(path, stat);
  if (typeof node !== "number") return { fd, node };
  inodes.close(fd);
  return node;
}

/**
 * Makes something else by `make`, which makes it with no permission for anybody. That, and that it is this process's, is how
 * it is known when it is opened: whoever puts something else in its place meanwhile does not have that given away.
 */
export function makeEntry(share: ServedShare, entry: NewEntry, make: () => number): FuseNode | number {
  const { inodes, nodes, stat } = share;
  const { parent, name, type } = entry;
  if (nodes.full) return refused.tooMany;
  const made = make();
  if (made < 0) return made;
  const fd = inodes.open(parent.fd, name, OpenFlag.pathOnly | OpenFlag.noFollow, 0);
  if (fd < 0) return fd;
  let result = inodes.stat(fd, stat.bytes);
  if (result >= 0) result = isNew(share, stat, type) ? finish(share, fd, entry) : refused.io;
  if (result >= 0) return nodes.adopt(fd, stat);
  inodes.close(fd);
  return result;
}

function isNew({ uid }: ServedShare, stat: FileStat, type: number): boolean {
  const permitted = type !== fileType.symlink && (stat.mode & permissionBits) !== 0;
  return stat.type === type && stat.uid === uid && !permitted;
}

/** Gives what was made to its owner, with its mode; `share.stat` says what it is before and after. */
function finish(share: ServedShare, fd: number, { parent, owner, type, mode }: NewEntry): number {
  const { inodes, stat } = share;
  const before = stat.mode & modeBits;
  let wanted = mode & modeBits;
  // A directory keeps the bit by which its own entries inherit, whatever was asked for.
  if (type === fileType.directory) wanted |= before & setGroup;
  let changed = false;
  if (owner.uid !== share.uid || owner.gid !== share.gid) {
    let result = inodes.stat(parent.fd, stat.bytes);
    if (result < 0) return result;
    const inherits = (stat.mode & setGroup) !== 0;
    if (inherits && type === fileType.regular && !mayLendGroup(owner, stat.gid)) wanted = withoutGroup(wanted);
    result = inodes.changeOwner(fd, owner.uid, inherits ? -1 : owner.gid);
    if (result < 0) return result;
    changed = true;
  }
  if (type !== fileType.symlink && (changed || before !== wanted)) {
    const result = inodes.changeMode(fd, wanted);
    if (result < 0) return result;
    changed = true;
  }
  return changed ? inodes.stat(fd, stat.bytes) : 0;
}

/**
 * Whether who makes a program in a directory that gives it the directory's group may have it run with that group's rights:
 * else anybody who may write there could (CVE-2022-0358). Further groups of the guest's are not known here.
 */
function mayLendGroup({ uid, gid }: NewEntry["owner"], group: number): boolean {
  return uid === 0 || gid === group;
}

function withoutGroup(mode: number): number {
  return (mode & groupRuns) === 0 ? mode : mode & ~setGroup;
}
