import { OpenFlag } from "../../core/sys/open-flags.js";
import { fileType } from "./attributes.js";
import { answerEntry, lookUp } from "./entry-operations.js";
import type { FuseRequest } from "./fuse-request.js";
import { makeFile, type NewFile } from "./make-entry.js";
import type { FuseNode } from "./node-table.js";
import { fileOf, fileReplyFlags, hostFlags, openNode, waitsForDisk, writeOpenOut } from "./open-files.js";
import { aboutName, nodeOf, type Operation, type ServedShare } from "./operation.js";
import { flag, size } from "./protocol.js";
import { kernelSays, refused } from "./refusals.js";

/** `SEEK_DATA` and `SEEK_HOLE`; the others are the guest's kernel's. */
const seekKinds = [3, 4];

const open: Operation = {
  takes: 8,
  gives: size.openOut,
  serve(share, request) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    const flags = request.u32(0);
    const fd = openNode(share, node, flags, (request.u32(4) & flag.openKill) !== 0);
    if (fd < 0) return fd;
    const { id } = share.handles.add(fd, node.id, { synchronous: waitsForDisk(flags) });
    writeOpenOut(share, 0, id, fileReplyFlags(share, node));
    return size.openOut;
  },
};

const create = aboutName(
  { takes: 16, gives: size.entryOut + size.openOut, changes: true },
  (share, request, parent, name) => {
    if (share.handles.full) return refused.tooMany;
    const flags = request.u32(0);
    const mode = request.u32(4) & 0o7777;
    const entry = { parent, name, owner: request, type: fileType.regular, mode };
    const made = makeFile(share, entry, hostFlags(flags) & ~OpenFlag.truncate);
    const opened = made === kernelSays.exists ? openExisting(share, request, parent, name) : made;
    if (typeof opened === "number") return opened;
    const { id } = share.handles.add(opened.fd, opened.node.id, { synchronous: waitsForDisk(flags) });
    writeOpenOut(share, size.entryOut, id, fileReplyFlags(share, opened.node));
    answerEntry(share, parent, opened.node);
    return size.entryOut + size.openOut;
  },
);

/** For a CREATE of a name that there is already: the host has made it, or another guest. */
function openExisting(share: ServedShare, request: FuseRequest, parent: FuseNode, name: Uint8Array): NewFile | number {
  const flags = request.u32(0);
  if ((flags & OpenFlag.exclusive) !== 0) return kernelSays.exists;
  const node = lookUp(share, parent, name);
  if (typeof node === "number") return node;
  const fd = openNode(share, node, flags, (request.u32(12) & flag.openKill) !== 0);
  if (fd < 0) {
    // The guest is not told of it, so it will not forget it.
    share.nodes.forget(node.id, 1);
    return fd;
  }
  share.inodes.stat(node.fd, share.stat.bytes);
  return { fd, node };
}

const release: Operation = {
  takes: 24,
  gives: 0,
  serve: ({ handles }, request) => handles.release(request.u64(0), request.node, false),
};

/** Each close in the guest: what the host's file system has to say of late writes it says when a descriptor is closed. */
const flush: Operation = {
  takes: 24,
  gives: 0,
  serve(share, request) {
    const handle = fileOf(share, request);
    if (handle === undefined) return refused.badHandle;
    const copy = share.inodes.duplicate(handle.fd);
    return copy < 0 ? copy : share.inodes.close(copy);
  },
};

function syncing(directory: boolean): Operation {
  return {
    takes: 16,
    gives: 0,
    serve({ handles, inodes }, request) {
      const handle = handles.get(request.u64(0), request.node, directory);
      if (handle === undefined) return refused.badHandle;
      const dataOnly = (request.u32(8) & flag.dataOnly) !== 0;
      return handles.use([handle], () => inodes.sync(handle.fd, dataOnly));
    },
  };
}

const lseek: Operation = {
  takes: 24,
  gives: 8,
  serve(share, request) {
    const handle = fileOf(share, request);
    if (handle === undefined) return refused.badHandle;
    const [offset, kind] = [request.u64(8), request.u32(16)];
    if (!seekKinds.includes(kind) || !Number.isSafeInteger(offset)) return refused.invalid;
    const place = Number(share.inodes.seek(handle.fd, offset, kind));
    if (place < 0) return place;
    share.view.setBigUint64(0, BigInt(place), true);
    return 8;
  },
};

/** Requests about open files, but for their data. */
export const fileOperations = {
  open,
  create,
  release,
  flush,
  fsync: syncing(false),
  fsyncdir: syncing(true),
  lseek,
} satisfies Record<string, Operation>;
