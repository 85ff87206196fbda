import { constants } from "node:fs";
import { OpenFlag } from "../../core/sys/open-flags.js";
import { fileType } from "./attributes.js";
import { cachedContentHolds } from "./cached-content.js";
import type { FuseRequest } from "./fuse-request.js";
import type { FuseHandle } from "./handle-table.js";
import type { FuseNode } from "./node-table.js";
import type { ServedShare } from "./operation.js";
import { killPrivileges } from "./privileges.js";
import { openReply } from "./protocol.js";
import { refused } from "./refusals.js";

const writingFlags = OpenFlag.write | OpenFlag.readWrite | OpenFlag.truncate;
const waitingFlags = constants.O_SYNC | constants.O_DSYNC;
/** What of a guest's flags is for the host: others are the guest's kernel's business, or would have us wait or make things. */
const passedFlags = OpenFlag.write | OpenFlag.readWrite | OpenFlag.truncate | waitingFlags;

/** The guest's flags as the host is given them. */
export const hostFlags = (flags: number): number => flags & passedFlags;

/** Whether each write is to wait for the disk. */
export const waitsForDisk = (flags: number): boolean => (flags & waitingFlags) !== 0;

/** `struct fuse_open_out` at `at`. */
export function writeOpenOut({ view }: ServedShare, at: number, id: number, flags: number): void {
  view.setUint32(at, id % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(id / 2 ** 32), true);
  view.setUint32(at + 8, flags, true);
  view.setUint32(at + 12, 0, true);
}

/** How the guest is to treat a file that it has opened. */
export function fileReplyFlags(share: ServedShare, node: FuseNode): number {
  if (share.cache === "never") return openReply.directIo;
  return share.cache === "always" || cachedContentHolds(share, node) ? openReply.keepCache : 0;
}

/**
 * Opens a node for data, with the guest's flags; a descriptor or an errno. Only what is a regular file: a device or a fifo
 * would notice, and is the guest's kernel's to open.
 */
export function openNode(share: ServedShare, node: FuseNode, flags: number, kill: boolean): number {
  const { inodes, handles, readOnly } = share;
  if (node.type === fileType.directory) return refused.isDirectory;
  if (node.type !== fileType.regular) return node.type === fileType.symlink ? refused.link : refused.noDevice;
  if (readOnly && (flags & writingFlags) !== 0) return refused.readOnly;
  if (handles.full) return refused.tooMany;
  if (kill && (flags & OpenFlag.truncate) !== 0) {
    const result = killPrivileges(share, node);
    if (result < 0) return result;
  }
  return inodes.reopen(node.fd, hostFlags(flags) | OpenFlag.nonBlock | OpenFlag.noControllingTerminal);
}

/** The handle of a file that stands at the beginning of a request. */
export function fileOf({ handles }: ServedShare, request: FuseRequest): FuseHandle | undefined {
  return handles.get(request.u64(0), request.node, false);
}
