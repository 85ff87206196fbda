import { copyFirst, dropFirst, lengthOf } from "../chain-bytes.js";
import type { Chain } from "../virtqueue.js";

/** Kinds of requests (virtio 1.2, 5.2.6). */
export const requestKind = { read: 0, write: 1, flush: 4, identity: 8, discard: 11, writeZeroes: 13 } as const;

/** How a request ended. */
export const requestStatus = { ok: 0, failed: 1, unsupported: 2 } as const;
export type RequestStatus = (typeof requestStatus)[keyof typeof requestStatus];

/** Bytes of what a request begins with: its kind, 4 bytes of no meaning, and its sector. */
const headerSize = 16;

/** A request of a driver. Its header is a copy; what it asks for is not checked. */
export interface BlockRequest {
  readonly kind: number;
  /** Not exact from 2^53 on, where no disk has sectors. */
  readonly sector: number;
  /** What the driver gives, without the header, and what it wants filled, without the status. */
  readonly given: readonly Uint8Array[];
  readonly wanted: readonly Uint8Array[];
}

/** The last byte that the device may write, where the status goes; undefined when it may write none. */
export function statusByte({ writable }: Chain): Uint8Array | undefined {
  const last = writable.at(-1);
  return last?.subarray(last.length - 1);
}

/** Takes a request apart, however it is cut into descriptors; undefined when it is too short for its header. */
export function parseRequest({ readable, writable }: Chain): BlockRequest | undefined {
  const header = copyFirst(readable, headerSize);
  if (header === undefined) return undefined;
  const fields = new DataView(header.buffer);
  const wanted = writable.slice(0, -1);
  const last = writable.at(-1);
  if (last !== undefined && last.length > 1) wanted.push(last.subarray(0, last.length - 1));
  return {
    kind: fields.getUint32(0, true),
    sector: fields.getUint32(8, true) + fields.getUint32(12, true) * 2 ** 32,
    given: dropFirst(readable, headerSize),
    wanted,
  };
}

/** Bytes that a request moves at most, as its buffer has room for them: without the header and the status. */
export function movedBytes({ readable, writable }: Chain): number {
  return Math.max(0, lengthOf(readable) - headerSize) + Math.max(0, lengthOf(writable) - 1);
}
