import { OpenFlag } from "../../core/sys/open-flags.js";
import { dropFirst } from "../virtio/chain-bytes.js";
import { lengthOf } from "../virtio/pieces.js";
import type { FuseHandle } from "./handle-table.js";
import { fileOf } from "./open-files.js";
import type { Later, Operation, Outcome, Room, ServedShare } from "./operation.js";
import { killPrivileges } from "./privileges.js";
import { flag } from "./protocol.js";
import { kernelSays, refused } from "./refusals.js";

/** Pages and bytes of the longest READ and WRITE, of which the guest is told. */
export const transferPages = 256;
export const transferLimit = transferPages * 4096;

/** Writes of up to this many bytes are copied into the host's cache at once; longer ones beside the event loop. */
const briefWrite = 64 * 1024;

/** The most bytes that one request copies within the host: the guest asks again for the rest. */
const copyLimit = 16 * 2 ** 20;

/** `FALLOC_FL_KEEP_SIZE`, `_PUNCH_HOLE`, `_ZERO_RANGE`: what the guest's kernel lets through. */
const allocateModes = 0x01 | 0x02 | 0x10;

/** The file system does not say whether it would wait. */
const untold = refused.unsupported;

const read: Operation = {
  takes: 40,
  gives: 0,
  serve(share, request, room) {
    const handle = fileOf(share, request);
    if (handle === undefined) return refused.badHandle;
    const position = request.u64(8);
    const wanted = Math.min(request.u32(16), transferLimit);
    if (!Number.isSafeInteger(position + wanted)) return refused.invalid;
    return readInto(share, handle, cut(room, wanted), position);
  },
};

/** As many bytes of the room as are wanted. */
function cut({ views, bytes }: Room, wanted: number): readonly Uint8Array[] {
  if (bytes <= wanted) return views;
  const some: Uint8Array[] = [];
  let left = wanted;
  for (const view of views) {
    if (left === 0) break;
    some.push(left < view.length ? view.subarray(0, left) : view);
    left -= Math.min(left, view.length);
  }
  return some;
}

/** Reads what the host has in its cache at once, and waits for the rest beside the event loop, where no device waits with it. */
function readInto(share: ServedShare, handle: FuseHandle, views: readonly Uint8Array[], position: number): Outcome {
  const wanted = lengthOf(views);
  let left = views;
  let done = 0;
  while (done < wanted) {
    const count = share.inodes.readAtOnce(handle.fd, left, position + done);
    if (count === 0) break;
    if (count === kernelSays.again || count === untold) return readLater(share, handle, left, position, done);
    if (count < 0) return count;
    done += count;
    left = dropFirst(left, count);
  }
  return { placed: done };
}

/** Reads the rest: less than was wanted only at the end of the file, for that is what it means to the guest. */
async function readLater(
  { inodes, handles }: ServedShare,
  handle: FuseHandle,
  views: readonly Uint8Array[],
  position: number,
  before: number,
): Promise<Later> {
  let left = views;
  let done = before;
  const result = await handles.use([handle], async () => {
    while (left.length > 0) {
      const count = await inodes.readAt(handle.fd, left, position + done);
      if (count <= 0) return count;
      done += count;
      left = dropFirst(left, count);
    }
    return 0;
  });
  return result < 0 ? result : { placed: done };
}

const write: Operation = {
  takes: 40,
  gives: 8,
  changes: true,
  serve(share, request) {
    const handle = fileOf(share, request);
    const node = share.nodes.get(request.node);
    if (handle === undefined || node === undefined) return refused.badHandle;
    const { data } = request;
    const position = request.u64(8);
    const length = lengthOf(data);
    if (request.u32(16) !== length || length > transferLimit) return refused.invalid;
    if (!Number.isSafeInteger(position + length)) return refused.tooBig;
    if ((request.u32(20) & flag.writeKill) !== 0) {
      const result = killPrivileges(share, node);
      if (result < 0) return result;
    }
    // As the file is open now in the guest: there it can be changed after it was opened.
    const options = { append: (request.u32(32) & OpenFlag.append) !== 0 };
    if (handle.synchronous || length > briefWrite) return writeLater(share, handle, data, position, options);
    const count = share.inodes.writeAtOnce(handle.fd, data, position, options);
    if (count < 0) return count;
    share.view.setUint32(0, count, true);
    share.view.setUint32(4, 0, true);
    return 8;
  },
};

async function writeLater(
  { inodes, handles }: ServedShare,
  handle: FuseHandle,
  data: readonly Uint8Array[],
  position: number,
  options: { readonly append: boolean },
): Promise<Later> {
  return countAnswer(await handles.use([handle], () => inodes.writeAt(handle.fd, data, position, options)));
}

/** `struct fuse_write_out`. */
function countAnswer(count: number): Later {
  return count < 0 ? count : new Uint8Array(Uint32Array.of(count, 0).buffer);
}

const fallocate: Operation = {
  takes: 32,
  gives: 0,
  changes: true,
  serve(share, request) {
    const handle = fileOf(share, request);
    if (handle === undefined) return refused.badHandle;
    const [offset, length, mode] = [request.u64(8), request.u64(16), request.u32(24)];
    if ((mode & ~allocateModes) !== 0) return refused.unsupported;
    if (!Number.isSafeInteger(offset + length)) return refused.tooBig;
    return share.handles.use([handle], () => share.inodes.allocate(handle.fd, mode, offset, length));
  },
};

const copyFileRange: Operation = {
  takes: 56,
  gives: 8,
  changes: true,
  serve(share, request) {
    const { handles, inodes } = share;
    const from = fileOf(share, request);
    const to = handles.get(request.u64(24), request.u64(16), false);
    if (from === undefined || to === undefined) return refused.badHandle;
    const [at, toAt] = [request.u64(8), request.u64(32)];
    const length = Math.min(request.u64(40), copyLimit);
    if (request.u64(48) !== 0) return refused.invalid;
    if (!Number.isSafeInteger(at + length) || !Number.isSafeInteger(toAt + length)) return refused.tooBig;
    return handles.use([from, to], () => inodes.copyRange(from.fd, at, to.fd, toAt, length)).then(countAnswer);
  },
};

/** Requests that move data. */
export const dataOperations = { read, write, fallocate, copyFileRange } satisfies Record<string, Operation>;
