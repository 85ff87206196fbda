import { isGuestAttribute, keepGuestAttributes } from "./attribute-names.js";
import { fileType } from "./attributes.js";
import type { FuseRequest } from "./fuse-request.js";
import type { FuseNode } from "./node-table.js";
import { nodeOf, type Operation, type ServedShare } from "./operation.js";
import { refused } from "./refusals.js";

/** `XATTR_NAME_MAX` and `XATTR_SIZE_MAX`, which is also that of a list. */
const nameLimit = 255;
const valueLimit = 65_536;

/** `XATTR_CREATE` and `XATTR_REPLACE`. */
const setFlags = 0b11;

interface Asked {
  readonly node: FuseNode;
  /** With its zero byte. */
  readonly name: Uint8Array;
}

/** The node and the name that stands at `at`, or the errno of what the guest cannot have. */
function asked(share: ServedShare, request: FuseRequest, at: number): Asked | number {
  const node = nodeOf(share, request);
  const name = request.text(at);
  if (node === undefined) return refused.badHandle;
  if (name === undefined) return refused.invalid;
  if (name.length - 1 > nameLimit || name.length === 1) return refused.range;
  // Of symbolic links only the host's own attributes could be, and the way to them is the way to what they name.
  if (node.type === fileType.symlink || !isGuestAttribute(name)) return refused.unsupported;
  return { node, name };
}

/** `struct fuse_getxattr_out` for who asks how long it is, or what is in `body` already. */
function answerSized({ view }: ServedShare, length: number, wanted: number, room: number): number {
  if (length < 0) return length;
  if (wanted === 0) {
    if (room < 8) return refused.invalid;
    view.setUint32(0, length, true);
    view.setUint32(4, 0, true);
    return 8;
  }
  return length > wanted || length > room ? refused.range : length;
}

const getxattr: Operation = {
  takes: 8,
  gives: 0,
  serve(share, request, room) {
    const attribute = asked(share, request, 8);
    if (typeof attribute === "number") return attribute;
    const value = share.body.subarray(0, valueLimit);
    const length = share.inodes.getAttribute(attribute.node.fd, attribute.name, value);
    return answerSized(share, length, request.u32(0), room.bytes);
  },
};

const listxattr: Operation = {
  takes: 8,
  gives: 0,
  serve(share, request, room) {
    const node = nodeOf(share, request);
    if (node === undefined) return refused.badHandle;
    const list = share.body.subarray(0, valueLimit);
    const all = node.type === fileType.symlink ? 0 : share.inodes.listAttributes(node.fd, list);
    const length = all < 0 ? all : keepGuestAttributes(list.subarray(0, all));
    return answerSized(share, length, request.u32(0), room.bytes);
  },
};

const setxattr: Operation = {
  takes: 8,
  gives: 0,
  changes: true,
  serve(share, request) {
    const attribute = asked(share, request, 8);
    if (typeof attribute === "number") return attribute;
    const { node, name } = attribute;
    const [length, flags] = [request.u32(0), request.u32(4)];
    const value = request.bytes(8 + name.length, length);
    if (value === undefined || value.length !== request.argumentBytes - 8 - name.length) return refused.invalid;
    if (length > valueLimit) return refused.range;
    if ((flags & ~setFlags) !== 0) return refused.invalid;
    return share.inodes.setAttribute(node.fd, name, value, flags);
  },
};

const removexattr: Operation = {
  takes: 0,
  gives: 0,
  changes: true,
  serve(share, request) {
    const attribute = asked(share, request, 0);
    if (typeof attribute === "number") return attribute;
    return share.inodes.removeAttribute(attribute.node.fd, attribute.name);
  },
};

/** Requests about extended attributes. */
export const xattrOperations = { getxattr, setxattr, listxattr, removexattr } satisfies Record<string, Operation>;
