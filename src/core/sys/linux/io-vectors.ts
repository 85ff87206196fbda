import type { Libc } from "./libc.js";

/** Bytes of a `struct iovec`: an address and a length. */
const vectorBytes = 16;

/** The most pieces of one call: `IOV_MAX`. */
export const vectorsLimit = 1024;

/** Pieces of memory as the kernel takes them. */
export interface VectorTable {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Writes tables of pieces for readv(2) and its like. Pieces that lie one after another in memory become one: a guest's
 * buffers are made of pages, and most of them are neighbours. What is beyond `vectorsLimit` is left out, as the kernel would
 * leave out what it has no room for.
 */
export class IoVectors {
  readonly #libc: Libc;
  /** Where arrays begin: memory that has been looked at does not move any more. */
  readonly #bases = new WeakMap<ArrayBufferLike, number>();
  readonly #shared = new DataView(new ArrayBuffer(vectorBytes * vectorsLimit));
  readonly #sharedBytes = new Uint8Array(this.#shared.buffer);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** A table that is good until the next call. */
  brief(pieces: readonly Uint8Array[]): VectorTable {
    return { bytes: this.#sharedBytes, count: this.#fill(this.#shared, pieces) };
  }

  /** A table of its own, for a call beside the event loop. */
  lasting(pieces: readonly Uint8Array[]): VectorTable {
    const most = Math.min(pieces.length, vectorsLimit);
    const view = new DataView(new ArrayBuffer(vectorBytes * most));
    return { bytes: new Uint8Array(view.buffer), count: this.#fill(view, pieces) };
  }

  #fill(table: DataView, pieces: readonly Uint8Array[]): number {
    const room = table.byteLength / vectorBytes;
    let count = 0;
    let start = 0;
    let length = 0;
    for (const piece of pieces) {
      const address = this.#baseOf(piece.buffer) + piece.byteOffset;
      if (count > 0 && address === start + length) {
        length += piece.length;
      } else {
        if (count === room) break;
        count++;
        start = address;
        length = piece.length;
      }
      const at = (count - 1) * vectorBytes;
      table.setUint32(at, start % 2 ** 32, true);
      table.setUint32(at + 4, Math.floor(start / 2 ** 32), true);
      table.setUint32(at + 8, length % 2 ** 32, true);
      table.setUint32(at + 12, Math.floor(length / 2 ** 32), true);
    }
    return count;
  }

  /** User space ends at 2^47, which a number holds exactly. */
  #baseOf(buffer: ArrayBufferLike): number {
    let base = this.#bases.get(buffer);
    if (base === undefined) {
      base = Number(this.#libc.koffi.address(new Uint8Array(buffer)));
      this.#bases.set(buffer, base);
    }
    return base;
  }
}
