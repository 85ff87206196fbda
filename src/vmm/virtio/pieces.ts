/** Bytes of pieces of memory together. */
export function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** Copies bytes from pieces, beginning `offset` bytes into them, until `into` is full or the pieces end; gives how many. */
export function gather(pieces: readonly Uint8Array[], offset: number, into: Uint8Array): number {
  let skip = offset;
  let done = 0;
  for (const piece of pieces) {
    if (done === into.length) break;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const part = piece.subarray(skip, skip + into.length - done);
    into.set(part, done);
    done += part.length;
    skip = 0;
  }
  return done;
}

/** Copies `bytes` into pieces, beginning `offset` bytes into them, until the bytes or the pieces end; gives how many. */
export function scatter(pieces: readonly Uint8Array[], offset: number, bytes: Uint8Array): number {
  let skip = offset;
  let done = 0;
  for (const piece of pieces) {
    if (done === bytes.length) break;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const part = bytes.subarray(done, done + piece.length - skip);
    piece.set(part, skip);
    done += part.length;
    skip = 0;
  }
  return done;
}
