import { statfsSize } from "../../core/sys/inodes.js";
import { fileType, writeAttrOut } from "./attributes.js";
import type { FuseRequest } from "./fuse-request.js";
import type { FuseNode } from "./node-table.js";
import { nodeOf, type Operation, type ServedShare } from "./operation.js";
import { killPrivileges } from "./privileges.js";
import { setattrValid, size } from "./protocol.js";
import { refused } from "./refusals.js";

/** `UTIME_NOW` and `UTIME_OMIT` of utimensat(2). */
const now = 0x3fffffff;
const omit = 0x3ffffffe;
const billion = 1_000_000_000;

const times = new DataView(new ArrayBuffer(32));
const timesBytes = new Uint8Array(times.buffer);
const statfsView = new DataView(new ArrayBuffer(statfsSize));
const statfsBytes = new Uint8Array(statfsView.buffer);

/** Answers with what a file is now. */
function answerAttributes({ inodes, stat, view, validity }: ServedShare, node: FuseNode): number {
  const result = inodes.stat(node.fd, stat.bytes);
  if (result < 0) return result;
  writeAttrOut(view, stat, validity);
  return size.attrOut;
}

const getattr: Operation = {
  takes: 16,
  gives: size.attrOut,
  serve(share, request) {
    const node = nodeOf(share, request);
    return node === undefined ? refused.badHandle : answerAttributes(share, node);
  },
};

const setattr: Operation = {
  takes: 88,
  gives: size.attrOut,
  changes: true,
  serve(share, request) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    const valid = request.u32(0);
    // The mode after the owner: a new owner takes bits away that the guest may just want to be there.
    for (const step of [changeOwner, changeMode, changeSize, changeTimes]) {
      const result = step(share, request, node, valid);
      if (result < 0) return result;
    }
    return answerAttributes(share, node);
  },
};

function changeOwner({ inodes }: ServedShare, request: FuseRequest, node: FuseNode, valid: number): number {
  const [uid, gid] = [valid & setattrValid.uid, valid & setattrValid.gid];
  if (uid === 0 && gid === 0) return 0;
  return inodes.changeOwner(node.fd, uid === 0 ? -1 : request.u32(76), gid === 0 ? -1 : request.u32(80));
}

function changeMode({ inodes }: ServedShare, request: FuseRequest, node: FuseNode, valid: number): number {
  if ((valid & setattrValid.mode) === 0) return 0;
  return node.type === fileType.symlink ? refused.unsupported : inodes.changeMode(node.fd, request.u32(68) & 0o7777);
}

function changeSize(share: ServedShare, request: FuseRequest, node: FuseNode, valid: number): number {
  if ((valid & setattrValid.size) === 0) return 0;
  if (node.type === fileType.directory) return refused.isDirectory;
  if (node.type !== fileType.regular) return refused.invalid;
  const length = request.u64(16);
  if (!Number.isSafeInteger(length)) return refused.tooBig;
  if ((valid & setattrValid.killPrivileges) !== 0) {
    const result = killPrivileges(share, node);
    if (result < 0) return result;
  }
  return share.inodes.truncate(node.fd, length);
}

function changeTimes({ inodes }: ServedShare, request: FuseRequest, node: FuseNode, valid: number): number {
  const { atime, mtime, atimeNow, mtimeNow } = setattrValid;
  if ((valid & (atime | mtime)) === 0) return 0;
  const both = [
    { set: valid & atime, asNow: valid & atimeNow, seconds: 32, nanoseconds: 56 },
    { set: valid & mtime, asNow: valid & mtimeNow, seconds: 40, nanoseconds: 60 },
  ];
  for (const [index, { set, asNow, seconds, nanoseconds }] of both.entries()) {
    const fraction = request.u32(nanoseconds);
    if (set !== 0 && asNow === 0 && fraction >= billion) return refused.invalid;
    times.setBigInt64(16 * index, request.i64(seconds), true);
    times.setUint32(16 * index + 8, set === 0 ? omit : asNow === 0 ? fraction : now, true);
    times.setUint32(16 * index + 12, 0, true);
  }
  return inodes.changeTimes(node.fd, timesBytes);
}

const readlink: Operation = {
  takes: 0,
  gives: 0,
  serve(share, request, room) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    if (node.type !== fileType.symlink) return refused.invalid;
    // A link says 4095 bytes at most, and what is cut is not what it says.
    const length = share.inodes.readSymlink(node.fd, share.body.subarray(0, 4096));
    return length > room.bytes ? refused.range : length;
  },
};

const statfs: Operation = {
  takes: 0,
  gives: size.statfsOut,
  serve(share, request) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    const result = share.inodes.statfs(node.fd, statfsBytes);
    if (result < 0) return result;
    const { view, body } = share;
    body.fill(0, 0, size.statfsOut);
    // f_blocks, f_bfree, f_bavail, f_files, f_ffree stand in the same order.
    body.set(statfsBytes.subarray(16, 56), 0);
    view.setUint32(40, statfsView.getUint32(8, true), true); // f_bsize
    view.setUint32(44, statfsView.getUint32(64, true), true); // f_namelen
    view.setUint32(48, statfsView.getUint32(72, true), true); // f_frsize
    return size.statfsOut;
  },
};

/** The guest's kernel decides by itself; this is for drivers that ask. Groups besides the first are not known here. */
const access: Operation = {
  takes: 8,
  gives: 0,
  serve(share, request) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    const wanted = request.u32(0);
    if ((wanted & ~0o7) !== 0) return refused.invalid;
    const { inodes, stat, readOnly } = share;
    const result = inodes.stat(node.fd, stat.bytes);
    if (result < 0) return result;
    if (readOnly && (wanted & 2) !== 0) return refused.readOnly;
    const { uid, gid } = request;
    if (uid === 0) {
      const runs = node.type === fileType.directory || (stat.mode & 0o111) !== 0;
      return (wanted & 1) === 0 || runs ? 0 : refused.denied;
    }
    const shift = uid === stat.uid ? 6 : gid === stat.gid ? 3 : 0;
    return ((stat.mode >> shift) & wanted) === wanted ? 0 : refused.denied;
  },
};

/** Requests about what a file is, and not what is in it. */
export const attributeOperations = { getattr, setattr, readlink, statfs, access } satisfies Record<string, Operation>;
