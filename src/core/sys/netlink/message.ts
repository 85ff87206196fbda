import { Attributes } from "./attributes.js";
import { netlinkErrors } from "./errors.js";

/** Bytes of a `struct nlmsghdr`. */
export const headerBytes = 16;

/** Types every netlink family has (`NLMSG_*`, linux/netlink.h). */
export const ControlType = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** `NLM_F_*`. */
export const MessageFlag = {
  request: 0x1,
  multi: 0x2,
  acknowledge: 0x4,
  interrupted: 0x10,
  capped: 0x100,
  extendedAck: 0x200,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

/** One netlink message, its length checked. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

const align = (length: number): number => (length + 3) & ~3;

/** Writes a request to the kernel. */
export function encodeMessage(message: Omit<NetlinkMessage, "payload"> & { readonly payload: Uint8Array }): Buffer {
  const length = headerBytes + message.payload.length;
  const bytes = Buffer.alloc(align(length));
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(message.type, 4);
  bytes.writeUInt16LE(message.flags, 6);
  bytes.writeUInt32LE(message.sequence, 8);
  bytes.set(message.payload, headerBytes);
  return bytes;
}

/** The messages of one datagram; `KATA_NETLINK_BROKEN` when one is cut short. */
export function* messagesOf(datagram: Uint8Array): Generator<NetlinkMessage> {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    const length = left < headerBytes ? 0 : bytes.readUInt32LE(at);
    if (length < headerBytes || length > left) {
      throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `a message of ${length} bytes, where ${left} are left` });
    }
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + headerBytes, at + length),
    };
    at += align(length);
  }
}

/** What the kernel says of a request that it has done or refused. */
export interface Acknowledgement {
  /** 0 when it was done. */
  readonly errno: number;
  /** Its own words (`NLMSGERR_ATTR_MSG`), when it has any. */
  readonly text?: string;
}

const originalHeader = 4;
const textAttribute = 1;

/** Reads `NLMSG_ERROR`, and `NLMSG_DONE`, which may carry an error as well. */
export function parseAcknowledgement({ type, flags, payload }: NetlinkMessage): Acknowledgement {
  if (payload.length < 4) {
    if (type === ControlType.done) return { errno: 0 };
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `an acknowledgement of ${payload.length} bytes` });
  }
  const errno = -payload.readInt32LE(0) | 0;
  if ((flags & MessageFlag.extendedAck) === 0) return { errno };
  const text = Attributes.parse(payload.subarray(attributesAt(type, flags, payload))).text(textAttribute);
  return { errno, ...(text !== undefined && text !== "" && { text }) };
}

/** Attributes stand behind the header of the request, or behind all of it when it was not capped. */
function attributesAt(type: number, flags: number, payload: Buffer): number {
  if (type === ControlType.done) return 4;
  if (payload.length < originalHeader + headerBytes) return payload.length;
  if ((flags & MessageFlag.capped) !== 0) return originalHeader + headerBytes;
  return Math.min(payload.length, originalHeader + align(payload.readUInt32LE(originalHeader)));
}
