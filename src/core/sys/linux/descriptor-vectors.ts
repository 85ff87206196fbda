import type { Libc } from "./libc.js";

const eagain = 11;
const eintr = 4;

/** Bytes of a `struct iovec`: an address and a length. */
const vectorBytes = 16;

function vectors(libc: Libc, pieces: readonly Uint8Array[]): Buffer {
  const memory = Buffer.allocUnsafe(vectorBytes * pieces.length);
  for (const [i, piece] of pieces.entries()) {
    memory.writeBigUInt64LE(libc.koffi.address(piece), vectorBytes * i);
    memory.writeBigUInt64LE(BigInt(piece.length), vectorBytes * i + 8);
  }
  return memory;
}

/** See `Descriptors.readVector`. The pieces are the caller's, and used after it: none is collected during the call. */
export function readVector(libc: Libc, fd: number, pieces: readonly Uint8Array[]): number | undefined {
  const result = libc.attempt("intptr_t readv(int, void*, int)", fd, vectors(libc, pieces), pieces.length);
  if (result >= 0) return result;
  if (result === -eagain || result === -eintr) return undefined;
  throw libc.error("readv", [fd, ...pieces], -result);
}

/** See `Descriptors.writeVector`. */
export function writeVector(libc: Libc, fd: number, pieces: readonly Uint8Array[]): number | undefined {
  const result = libc.attempt("intptr_t writev(int, void*, int)", fd, vectors(libc, pieces), pieces.length);
  if (result >= 0) return result;
  if (result === -eagain || result === -eintr) return undefined;
  throw libc.error("writev", [fd, ...pieces], -result);
}
