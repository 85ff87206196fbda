import { OpenFlag } from "../../core/sys/open-flags.js";
import { fileType, writeEntryOut } from "./attributes.js";
import { type DirectoryEntry, readEntries } from "./directory-entries.js";
import { entryOf, lookUp } from "./entry-operations.js";
import type { FuseHandle } from "./handle-table.js";
import type { FuseNode } from "./node-table.js";
import { writeOpenOut } from "./open-files.js";
import { nodeOf, type Operation, type Room, type ServedShare } from "./operation.js";
import { openReply, rootNode, size } from "./protocol.js";
import { refused } from "./refusals.js";

const opendir: Operation = {
  takes: 8,
  gives: size.openOut,
  serve(share, request) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    if (node.type !== fileType.directory) return refused.notDirectory;
    if (share.handles.full) return refused.tooMany;
    const fd = share.inodes.reopen(node.fd, OpenFlag.read | OpenFlag.directory);
    if (fd < 0) return fd;
    const { id } = share.handles.add(fd, node.id, { directory: true });
    const flags = share.cache === "always" ? openReply.keepCache | openReply.cacheDirectory : 0;
    writeOpenOut(share, 0, id, flags);
    return size.openOut;
  },
};

const releasedir: Operation = {
  takes: 24,
  gives: 0,
  serve: ({ handles }, request) => handles.release(request.u64(0), request.node, true),
};

/**
 * How much of a directory to ask the kernel for, so that the answer has room for all of it and nothing is read twice: an
 * entry of the answer takes a third more than the kernel's at most, and with its attributes 20/3 of it.
 */
const kernelShare = { plain: 3 / 4, plus: 3 / 20 } as const;

/** Room for the longest entry of the kernel's. */
const leastRead = 280;

function reading(plus: boolean): Operation {
  return {
    takes: 40,
    gives: 0,
    serve(share, request, room) {
      const node = nodeOf(share, request);
      const handle = share.handles.get(request.u64(0), request.node, true);
      if (handle === undefined || node === undefined) return refused.badHandle;
      return readDirectory(share, node, { handle, from: request.i64(8), most: request.u32(16), plus }, room);
    },
  };
}

interface Reading {
  readonly handle: FuseHandle;
  readonly from: bigint;
  readonly most: number;
  readonly plus: boolean;
}

function readDirectory(share: ServedShare, node: FuseNode, { handle, from, most, plus }: Reading, room: Room): number {
  const { inodes, body } = share;
  if (handle.place !== from) {
    const result = inodes.seek(handle.fd, from, 0);
    if (result < 0) return Number(result);
  }
  handle.place = undefined;
  const bytes = Math.min(most, room.bytes, body.length);
  const wanted = Math.floor(bytes * (plus ? kernelShare.plus : kernelShare.plain));
  const entries = readEntries(inodes, handle.fd, Math.max(wanted, leastRead));
  if (typeof entries === "number") return entries;
  let at = 0;
  for (const entry of entries) {
    const start = plus ? size.entryOut : 0;
    const length = start + ((size.dirent + entry.name.length - 1 + 7) & ~7);
    if (at + length > bytes) break;
    if (plus) writePlus(share, node, entry, at);
    writeDirent(share, node, entry, at + start);
    body.fill(0, at + start + size.dirent + entry.name.length - 1, at + length);
    at += length;
    handle.place = entry.next;
  }
  // Not even one: that would be the end of the directory.
  if (at === 0 && entries.length > 0) return refused.invalid;
  // Further entries were read than there was room for: the descriptor stands behind them.
  if (entries.length > 0 && handle.place !== entries.at(-1)?.next) handle.place = undefined;
  else if (entries.length === 0) handle.place = from;
  return at;
}

/** `struct fuse_dirent`; the root does not tell of what is above it. */
function writeDirent({ view, body }: ServedShare, node: FuseNode, entry: DirectoryEntry, at: number): void {
  const { name, inode, next, type } = entry;
  view.setBigUint64(at, isAbove(node, name) ? BigInt(rootNode) : inode, true);
  view.setBigInt64(at + 8, next, true);
  view.setUint32(at + 16, name.length - 1, true);
  view.setUint32(at + 20, type, true);
  body.set(name.subarray(0, -1), at + size.dirent);
}

const isDot = (name: Uint8Array): boolean => name.length === 2 && name[0] === 0x2e;
const isDots = (name: Uint8Array): boolean => name.length === 3 && name[0] === 0x2e && name[1] === 0x2e;
const isAbove = (node: FuseNode, name: Uint8Array): boolean => node.id === rootNode && isDots(name);

/** `struct fuse_entry_out` of an entry that is looked up; of none when that cannot be: the guest asks again by itself. */
function writePlus(share: ServedShare, parent: FuseNode, { name }: DirectoryEntry, at: number): void {
  const node = isDot(name) || isDots(name) ? undefined : lookUp(share, parent, name);
  if (node === undefined || typeof node === "number") share.body.fill(0, at, at + size.entryOut);
  else writeEntryOut(share.view, at, share.stat, entryOf(share, parent, node));
}

/** Requests about open directories. */
export const directoryOperations = {
  opendir,
  releasedir,
  readdir: reading(false),
  readdirplus: reading(true),
} satisfies Record<string, Operation>;
