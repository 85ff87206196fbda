import { randomBytes } from "node:crypto";

/** Bytes of a page of the guests that there are: x86-64, and arm64 as the distribution builds it. */
export const pageBytes = 4096;

/** Pages that Linux takes for swap at least: the head, and some to write to (mkswap(8) has the same limit). */
const leastPages = 10;

/** The fewest bytes that are a swap area. */
export const leastSwapBytes = leastPages * pageBytes;

const at = { version: 1024, lastPage: 1028, badPages: 1032, uuid: 1036 } as const;
const magic = "SWAPSPACE2";

/**
 * The first page of a swap area of so many bytes, whole pages of them (`union swap_header` of Linux, include/linux/swap.h):
 * version 1, the number of the last page, no bad pages, a UUID, and the magic word at the end of the page.
 */
export function swapHead(bytes: number): Buffer {
  const head = Buffer.alloc(pageBytes);
  head.writeUInt32LE(1, at.version);
  head.writeUInt32LE(bytes / pageBytes - 1, at.lastPage);
  head.writeUInt32LE(0, at.badPages);
  const uuid = randomBytes(16);
  // RFC 9562: a random one, version 4
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x40, 6);
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8);
  uuid.copy(head, at.uuid);
  head.write(magic, pageBytes - magic.length, "latin1");
  return head;
}
