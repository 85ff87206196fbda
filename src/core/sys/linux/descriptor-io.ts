import type { Libc } from "./libc.js";

const eagain = 11;
const eintr = 4;

/** See `Descriptors.read`. */
export function readFd(libc: Libc, fd: number, into: Uint8Array): number | undefined {
  const result = libc.attempt("intptr_t read(int, void*, size_t)", fd, into, into.length);
  if (result >= 0) return result;
  if (result === -eagain || result === -eintr) return undefined;
  throw libc.error("read", [fd, into, into.length], -result);
}

/** See `Descriptors.write`. Node ignores SIGPIPE. */
export function writeFd(libc: Libc, fd: number, bytes: Uint8Array): number | undefined {
  const result = libc.attempt("intptr_t write(int, void*, size_t)", fd, bytes, bytes.length);
  if (result >= 0) return result;
  if (result === -eagain || result === -eintr) return undefined;
  throw libc.error("write", [fd, bytes, bytes.length], -result);
}

/** See `Descriptors.addEventfd`. */
export function addEventfd(libc: Libc, fd: number, value = 1n): void {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64LE(value, 0);
  // undefined: the counter is full, so whoever waits for it has been told already
  writeFd(libc, fd, counter);
}
