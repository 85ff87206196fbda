import { vmmErrors } from "../errors.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { HandedQueue } from "./device.js";

// Structures of linux/vhost_types.h, by which the kernel is told of a guest's memory and rings. The vhost-user protocol has
// the same.

const regionBytes = 32;

/** What the last field of a region is: nothing (the kernel), or its place in the file that goes with it (a daemon). */
export type RegionKind = "mapped here" | "file";

/** The regions of a guest's memory (`struct vhost_memory`). */
export function memoryTable({ regions }: GuestMemory, kind: RegionKind): Buffer {
  const table = Buffer.alloc(8 + regionBytes * regions.length);
  table.writeUInt32LE(regions.length, 0);
  for (const [i, { address, size, hostAddress, backing }] of regions.entries()) {
    const at = 8 + regionBytes * i;
    const offset = kind === "file" && backing.kind === "file" ? backing.offset : 0;
    table.writeBigUInt64LE(BigInt(address), at);
    table.writeBigUInt64LE(BigInt(size), at + 8);
    table.writeBigUInt64LE(hostAddress, at + 16);
    table.writeBigUInt64LE(BigInt(offset), at + 24);
  }
  return table;
}

/** A ring's number and a value of it (`struct vhost_vring_state`); a descriptor (`struct vhost_vring_file`), -1 for none. */
export function ringState(index: number, value: number): Buffer {
  const state = Buffer.alloc(8);
  state.writeUInt32LE(index, 0);
  state.writeInt32LE(value, 4);
  return state;
}

/**
 * Where this process has a ring's parts (`struct vhost_vring_addr`); `KATA_VMM_GUEST_ADDRESS` when one of them is not all in
 * one region of the guest's memory.
 */
export function ringAddresses(index: number, ring: HandedQueue, memory: GuestMemory): Buffer {
  const { descriptors, available, used, size } = ring;
  const addresses = Buffer.alloc(40);
  addresses.writeUInt32LE(index, 0);
  // virtio 1.2, 2.7: the rings have flags and an index before their entries, and an index of events behind them
  addresses.writeBigUInt64LE(hostAddressOf(memory, descriptors, 16 * size), 8);
  addresses.writeBigUInt64LE(hostAddressOf(memory, used, 6 + 8 * size), 16);
  addresses.writeBigUInt64LE(hostAddressOf(memory, available, 6 + 2 * size), 24);
  return addresses;
}

function hostAddressOf(memory: GuestMemory, address: number, length: number): bigint {
  for (const region of memory.regions) {
    const at = address - region.address;
    if (at >= 0 && at + length <= region.size) return region.hostAddress + BigInt(at);
  }
  throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
}
