import { vmmErrors } from "../../errors.js";
import type { GuestMemory } from "../../memory/guest-memory.js";
import type { HandedQueue } from "../device.js";

/** The most regions in a message (the vhost-user specification, "Memory regions description"). */
export const mostRegions = 8;

const regionBytes = 32;

/** The regions of a guest's memory as a daemon is told of them; their descriptors go with it, in the same order. */
export function memoryTable(memory: GuestMemory): Buffer {
  const table = Buffer.alloc(8 + regionBytes * memory.regions.length);
  table.writeUInt32LE(memory.regions.length, 0);
  for (const [i, { address, size, hostAddress, offset }] of memory.regions.entries()) {
    const at = 8 + regionBytes * i;
    table.writeBigUInt64LE(BigInt(address), at);
    table.writeBigUInt64LE(BigInt(size), at + 8);
    table.writeBigUInt64LE(hostAddress, at + 16);
    table.writeBigUInt64LE(BigInt(offset), at + 24);
  }
  return table;
}

/** Where this process has bytes of the guest's; `KATA_VMM_GUEST_ADDRESS` when they are not all in one region. */
export function hostAddressOf(memory: GuestMemory, address: number, length: number): bigint {
  for (const region of memory.regions) {
    const at = address - region.address;
    if (at >= 0 && at + length <= region.size) return region.hostAddress + BigInt(at);
  }
  throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
}

/** Addresses of a ring's parts in this process, all of which must be in the guest's memory (`struct vhost_vring_addr`). */
export function ringAddresses(index: number, ring: HandedQueue, memory: GuestMemory): Buffer {
  const { descriptors, available, used, size } = ring;
  const payload = Buffer.alloc(40);
  payload.writeUInt32LE(index, 0);
  // virtio 1.2, 2.7: the rings have flags and an index before their entries, and an index of events behind them
  payload.writeBigUInt64LE(hostAddressOf(memory, descriptors, 16 * size), 8);
  payload.writeBigUInt64LE(hostAddressOf(memory, used, 6 + 8 * size), 16);
  payload.writeBigUInt64LE(hostAddressOf(memory, available, 6 + 2 * size), 24);
  return payload;
}
