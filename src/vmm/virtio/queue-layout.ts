import { codeOf } from "../../core/errors/error.js";
import { vmmErrors } from "../errors.js";
import type { GuestMemory } from "../memory/guest-memory.js";

/** Bytes of one descriptor. */
export const descriptorSize = 16;

/** The most entries a queue can have (virtio 1.2, 2.7). */
export const queueSizeLimit = 32768;

/** Where a driver has put a queue. */
export interface QueueLayout {
  readonly index: number;
  readonly size: number;
  readonly memory: GuestMemory;
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
}

/**
 * Checks size, alignment and place of a split virtqueue's three parts (virtio 1.2, 2.7): `KATA_VMM_QUEUE`. With the two
 * bytes of the event index at the end of each ring, which are there whether they are used or not.
 */
export function checkQueueLayout({ index, size, memory, descriptors, driver, device }: QueueLayout): void {
  const refuse = (problem: string, cause?: unknown): never => {
    throw vmmErrors.KATA_VMM_QUEUE({ queue: index, problem }, { cause });
  };
  if (!Number.isInteger(size) || size < 1 || size > queueSizeLimit || (size & (size - 1)) !== 0) {
    refuse(`its size is ${size}, which is no power of two up to ${queueSizeLimit}`);
  }
  const parts = [
    { what: "descriptor table", address: descriptors, alignment: 16, length: descriptorSize * size },
    { what: "available ring", address: driver, alignment: 2, length: 6 + 2 * size },
    { what: "used ring", address: device, alignment: 4, length: 6 + 8 * size },
  ];
  for (const { what, address, alignment, length } of parts) {
    const place = `its ${what} is at 0x${address.toString(16)}`;
    if (address % alignment !== 0) refuse(`${place}, which is no multiple of ${alignment}`);
    try {
      memory.slice(address, length);
    } catch (error) {
      if (codeOf(error) !== "KATA_VMM_GUEST_ADDRESS") throw error;
      refuse(`${place}, whose ${length} bytes are not all in the guest's memory`, error);
    }
  }
}
