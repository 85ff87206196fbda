import { codeOf } from "../../core/errors/error.js";
import { vmmErrors } from "../errors.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { descriptorSize } from "./queue-layout.js";
import type { Chain } from "./virtqueue.js";

/** What descriptors are read by. */
export interface ChainReader {
  /** Number of the queue, for errors. */
  readonly queue: number;
  readonly size: number;
  readonly memory: GuestMemory;
  readonly table: DataView;
  readonly indirect: boolean;
}

/** Flags of a descriptor (virtio 1.2, 2.7.5). Others are ignored. */
const flag = { next: 1, write: 2, indirect: 4 } as const;

/** The most bytes of one chain (virtio 1.2, 2.7.5.2: a driver must not make a longer one). */
const chainLimit = 2 ** 32;

/** The most bytes of one piece of a chain that is made of several descriptors. */
const pieceLimit = 2 ** 30;

/**
 * Follows the descriptors from `head` on, each read once: what the driver changes meanwhile has no effect. `KATA_VMM_QUEUE`
 * for what no driver makes. A descriptor of no bytes is allowed, as the specification has nothing against it, and left out:
 * its address is not looked at, its direction is. Descriptors of one direction that are neighbours in memory are one piece: a
 * guest's buffers are made of pages, most of them next to each other, and each piece takes its time at all that is done to it.
 */
export function readChain(reader: ChainReader, head: number): Chain {
  const { queue } = reader;
  const readable: Uint8Array[] = [];
  const writable: Uint8Array[] = [];
  let { table, size } = reader;
  let inTable = false;
  let writing = false;
  let total = 0;
  let count = 0;
  let index = head;
  // The piece that the next descriptor may go on with: its first descriptor, and where it is.
  let first = 0;
  let start = 0;
  let gathered = 0;
  if (head >= size) throw broken(queue, `a buffer begins at descriptor ${head}, of ${size}`);
  for (;;) {
    const at = index * descriptorSize;
    // Not exact from 2^53 on, where there is no memory in any case.
    const address = table.getUint32(at, true) + table.getUint32(at + 4, true) * 2 ** 32;
    const length = table.getUint32(at + 8, true);
    const flags = table.getUint16(at + 12, true);
    const next = table.getUint16(at + 14, true);
    if ((flags & flag.indirect) !== 0) {
      if (!reader.indirect) throw broken(queue, `descriptor ${index} is indirect, which was not negotiated`);
      if (inTable) throw broken(queue, `descriptor ${index} of an indirect table is indirect itself`);
      if ((flags & flag.next) !== 0) throw broken(queue, `descriptor ${index} is indirect and has a next one`);
      table = indirectTable(reader, index, address, length);
      size = length / descriptorSize;
      inTable = true;
      index = 0;
      continue;
    }
    // The one that names an indirect table is none of the buffer's own.
    if (++count > reader.size)
      throw broken(queue, `the buffer at ${head} loops or has more than ${reader.size} descriptors`);
    const write = (flags & flag.write) !== 0;
    if (writing && !write) throw broken(queue, `descriptor ${index} is to be read and comes after one to be written`);
    total += length;
    if (total > chainLimit) throw broken(queue, `the buffer at ${head} has more than ${chainLimit} bytes`);
    if (write !== writing || address !== start + gathered || gathered + length > pieceLimit) {
      if (gathered > 0) (writing ? writable : readable).push(sliceOf(reader, pieceName, first, start, gathered));
      first = index;
      start = address;
      gathered = 0;
    }
    writing = write;
    gathered += length;
    if ((flags & flag.next) === 0) {
      if (gathered > 0) (writing ? writable : readable).push(sliceOf(reader, pieceName, first, start, gathered));
      return { head, readable, writable };
    }
    if (next >= size) throw broken(queue, `descriptor ${index} goes on at ${next}, of ${size}`);
    index = next;
  }
}

/** What is named in errors, by a descriptor's index: made when there is one, for most requests have none. */
type Name = (index: number) => string;
const tableName: Name = (index) => `the indirect table of descriptor ${index}`;
const pieceName: Name = (index) => `descriptor ${index}`;

function indirectTable(reader: ChainReader, index: number, address: number, length: number): DataView {
  if (length === 0 || length % descriptorSize !== 0) {
    throw broken(reader.queue, `${tableName(index)} has ${length} bytes, which is no number of descriptors`);
  }
  const bytes = sliceOf(reader, tableName, index, address, length);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

function sliceOf(
  { queue, memory }: ChainReader,
  name: Name,
  index: number,
  address: number,
  length: number,
): Uint8Array {
  try {
    return memory.slice(address, length);
  } catch (error) {
    if (codeOf(error) !== "KATA_VMM_GUEST_ADDRESS") throw error;
    const place = `${length} bytes at 0x${address.toString(16)}`;
    throw vmmErrors.KATA_VMM_QUEUE(
      { queue, problem: `${name(index)} names ${place}, not all in the guest's memory` },
      { cause: error },
    );
  }
}

function broken(queue: number, problem: string): Error {
  return vmmErrors.KATA_VMM_QUEUE({ queue, problem });
}
