import { sysErrors } from "../errors.js";
import type { ReceivedDescriptors } from "../sockets.js";
import { closeFds } from "./close-fd.js";
import type { Libc } from "./libc.js";

const socketLevel = 1;
const rightsType = 1;
const noSignal = 0x4000;
const closeReceivedOnExec = 0x40000000;
const controlTruncated = 0x8;
const eagain = 11;
const eintr = 4;

/** `SCM_MAX_FD` of the kernel. */
const mostDescriptors = 253;

/** Bytes of a `cmsghdr`, whose length is a `size_t`. */
const headerBytes = 16;
const align = (length: number): number => (length + 7) & ~7;

/** Offsets in one piece of memory: a `msghdr`, the one `iovec` it points to, and the control message. */
const vectorAt = 56;
const controlAt = vectorAt + 16;

/**
 * A message header and what it points to, in one buffer: what only an address in other memory refers to could be
 * collected during the call. `bytes` is the caller's, and used after it.
 */
function messageHeader(libc: Libc, bytes: Uint8Array, control: Buffer): Buffer {
  const memory = Buffer.alloc(controlAt + control.length);
  const address = libc.koffi.address(memory);
  memory.writeBigUInt64LE(address + BigInt(vectorAt), 16);
  memory.writeBigUInt64LE(1n, 24);
  if (control.length > 0) memory.writeBigUInt64LE(address + BigInt(controlAt), 32);
  memory.writeBigUInt64LE(BigInt(control.length), 40);
  memory.writeBigUInt64LE(libc.koffi.address(bytes), vectorAt);
  memory.writeBigUInt64LE(BigInt(bytes.length), vectorAt + 8);
  control.copy(memory, controlAt);
  return memory;
}

function encodeRights(fds: readonly number[]): Buffer {
  if (fds.length === 0) return Buffer.alloc(0);
  const control = Buffer.alloc(align(headerBytes + 4 * fds.length));
  control.writeBigUInt64LE(BigInt(headerBytes + 4 * fds.length), 0);
  control.writeInt32LE(socketLevel, 8);
  control.writeInt32LE(rightsType, 12);
  for (const [i, fd] of fds.entries()) control.writeInt32LE(fd, headerBytes + 4 * i);
  return control;
}

/** Every descriptor in a control buffer the kernel has filled. */
function decodeRights(control: Buffer): number[] {
  const fds: number[] = [];
  for (let at = 0; at + headerBytes <= control.length; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < headerBytes || at + length > control.length) break;
    if (control.readInt32LE(at + 8) === socketLevel && control.readInt32LE(at + 12) === rightsType) {
      for (let i = at + headerBytes; i + 4 <= at + length; i += 4) fds.push(control.readInt32LE(i));
    }
    at += align(length);
  }
  return fds;
}

/** See `Sockets.sendDescriptors`. */
export function sendDescriptors(libc: Libc, fd: number, bytes: Uint8Array, fds: readonly number[]): number | undefined {
  if (bytes.length === 0 || fds.length > mostDescriptors) {
    const value = `${bytes.length} bytes with ${fds.length} descriptors`;
    const expected = `at least one byte with at most ${mostDescriptors} descriptors`;
    throw sysErrors.KATA_SYS_VALUE({ what: "a message", value, expected });
  }
  const control = encodeRights(fds);
  const header = messageHeader(libc, bytes, control);
  const result = libc.attempt("intptr_t sendmsg(int, void*, int)", fd, header, noSignal);
  if (result >= 0) return result;
  if (result === -eagain || result === -eintr) return undefined;
  throw libc.error("sendmsg", [fd, bytes, ...fds], -result);
}

/** See `Sockets.receiveDescriptors`. */
export function receiveDescriptors(
  libc: Libc,
  fd: number,
  into: Uint8Array,
  limit: number,
): ReceivedDescriptors | undefined {
  const control = Buffer.alloc(align(headerBytes + 4 * limit));
  const header = messageHeader(libc, into, control);
  const result = libc.attempt("intptr_t recvmsg(int, void*, int)", fd, header, closeReceivedOnExec);
  if (result === -eagain || result === -eintr) return undefined;
  if (result < 0) throw libc.error("recvmsg", [fd, into], -result);
  const fds = decodeRights(header.subarray(controlAt, controlAt + Number(header.readBigUInt64LE(40))));
  // alignment may leave room for one more than asked for
  if ((header.readInt32LE(48) & controlTruncated) !== 0 || fds.length > limit) {
    closeFds(fds);
    throw sysErrors.KATA_SYS_TOO_MANY_DESCRIPTORS({ limit });
  }
  return { length: result, fds };
}
