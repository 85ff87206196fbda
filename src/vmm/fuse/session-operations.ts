import { OpenFlag } from "../../core/sys/open-flags.js";
import { transferLimit, transferPages } from "./data-operations.js";
import { fileType } from "./attributes.js";
import type { FuseRequest } from "./fuse-request.js";
import { nodeOf, type Operation, type ServedShare } from "./operation.js";
import { fuseVersion, initFlag, initFlag2, oldestMinor, size } from "./protocol.js";
import { refused } from "./refusals.js";

/** How many requests that nobody waits for the guest may have under way, and from how many on it holds back. */
const background = { most: 64, congested: 48 } as const;

/** Nanoseconds to which times are exact. */
const timeGranularity = 1;

const agreed =
  initFlag.asyncRead |
  initFlag.atomicTruncate |
  initFlag.bigWrites |
  initFlag.readdirplus |
  initFlag.readdirplusAuto |
  initFlag.asyncDirect |
  initFlag.parallelDirectories |
  initFlag.maxPages |
  initFlag.submounts |
  initFlag.killPrivileges |
  initFlag.extended;

/** What is agreed to of what the guest offers. Nothing is written back late: what a guest has written, the host has. */
function agreedFlags({ cache }: ServedShare, offered: number): number {
  // A guest that trusts what it has cached for a day does not look whether the host has changed it.
  const caching = cache === "always" ? initFlag.cacheSymlinks : initFlag.autoInvalidate;
  return offered & (agreed | caching);
}

/** Agrees on a version and on features; a guest of a later major version asks again, for one that is spoken here. */
export const init: Operation = {
  takes: size.initIn,
  gives: size.initOut,
  serve(share, request) {
    const { view, body } = share;
    const [major, minor] = [request.u32(0), request.u32(4)];
    if (major < fuseVersion.major || (major === fuseVersion.major && minor < oldestMinor)) return refused.protocol;
    body.fill(0, 0, size.initOut);
    view.setUint32(0, fuseVersion.major, true);
    view.setUint32(4, fuseVersion.minor, true);
    if (major > fuseVersion.major) return size.initOut;
    const flags = agreedFlags(share, request.u32(12));
    const further = (flags & initFlag.extended) !== 0 && request.argumentBytes >= 20 ? request.u32(16) : 0;
    share.submounts = (flags & initFlag.submounts) !== 0;
    view.setUint32(8, request.u32(8), true); // max_readahead
    view.setUint32(12, flags, true);
    view.setUint16(16, background.most, true);
    view.setUint16(18, background.congested, true);
    view.setUint32(20, transferLimit, true);
    view.setUint32(24, timeGranularity, true);
    view.setUint16(28, transferPages, true);
    view.setUint32(32, further & initFlag2.directMmap, true);
    return size.initOut;
  },
};

/** Whether an INIT was one that begins a session, and not one that is to be asked again. */
export const beginsSession = (request: FuseRequest): boolean => request.u32(0) === fuseVersion.major;

/** No answer is expected. */
const forget: Operation = {
  takes: 8,
  gives: 0,
  serve({ nodes }, request) {
    nodes.forget(request.node, request.u64(0));
    return 0;
  },
};

/** No answer is expected. */
const batchForget: Operation = {
  takes: 8,
  gives: 0,
  serve({ nodes }, request) {
    const count = request.u32(0);
    if (count * size.forgetOne > request.argumentBytes - 8) return refused.invalid;
    for (let at = 8; at < 8 + count * size.forgetOne; at += size.forgetOne) {
      nodes.forget(request.u64(at), request.u64(at + 8));
    }
    return 0;
  },
};

/** The whole file system that a node is on: all that was written is on the disk then. */
const syncfs: Operation = {
  takes: 8,
  gives: 0,
  serve(share, request) {
    const { inodes, handles } = share;
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    if (node.type !== fileType.directory) return refused.notDirectory;
    if (handles.full) return refused.tooMany;
    const fd = inodes.reopen(node.fd, OpenFlag.read | OpenFlag.directory);
    if (fd < 0) return fd;
    const handle = handles.add(fd, node.id, { directory: true });
    const done = handles.use([handle], () => inodes.syncFilesystem(fd));
    handles.release(handle.id, node.id, true);
    return done;
  },
};

/** Requests about the share as a whole. */
export const sessionOperations = { forget, batchForget, syncfs } satisfies Record<string, Operation>;
