import type { Devices, Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { vmmErrors } from "../errors.js";
import { layout } from "../machine/layout.js";
import type { MemoryRegion } from "./guest-memory.js";
import { type MappedRegion, MappedMemory } from "./mapped-memory.js";
import { windowsOf } from "./windows.js";

/** Bytes of a page of memory on x86-64. */
export const pageSize = 4096;

/** Memory to plug begins at a multiple of this: more than any kernel wants, and never next to other memory. */
const pluggableAlignment = 2 ** 30;

/** A stretch of addresses, in bytes. */
export interface MemoryRange {
  readonly address: number;
  readonly size: number;
}

/** Where memory of a size goes: from 0 to the hole for devices, what does not fit from 4 GiB on. */
export function memoryRanges(bytes: number): MemoryRange[] {
  if (!Number.isSafeInteger(bytes) || bytes < pageSize || bytes % pageSize !== 0) {
    throw vmmErrors.KATA_VMM_MEMORY_SIZE({ bytes, page: pageSize });
  }
  const low = { address: 0, size: Math.min(bytes, layout.holeStart) };
  return bytes === low.size ? [low] : [low, { address: layout.holeEnd, size: bytes - low.size }];
}

/** Where memory goes that is plugged later, above all that the machine starts with. */
export function pluggableRange(bytes: number, pluggable: number): MemoryRange {
  if (!Number.isSafeInteger(pluggable) || pluggable < pageSize || pluggable % pageSize !== 0) {
    throw vmmErrors.KATA_VMM_MEMORY_SIZE({ bytes: pluggable, page: pageSize });
  }
  const end = layout.holeEnd + Math.max(0, bytes - layout.holeStart);
  return { address: (Math.floor(end / pluggableAlignment) + 1) * pluggableAlignment, size: pluggable };
}

/** The memory of a machine, as the thread has it that made it. */
export interface GuestRam {
  /** Plain data: post it to another thread, which gets at the same memory by `openMemory`. */
  readonly regions: readonly MemoryRegion[];
  readonly memory: MappedMemory;
  /** That of the regions which is plugged later, if there is one: the last. */
  readonly pluggable: MemoryRegion | undefined;
  /** Gives it back to the host; no thread may touch it any more. Idempotent. */
  close(): void;
}

/**
 * Makes the memory of a machine, all zeros, in a file in memory, so that others can map it and pages can be given back one
 * by one. Bytes, a multiple of the page size; others are `KATA_VMM_MEMORY_SIZE`. With `pluggable` there is a region of that
 * many bytes more for a virtio-mem device; nothing of the host's memory is taken before it is touched.
 */
export function createGuestRam(sys: Pick<Sys, "descriptors" | "devices">, bytes: number, pluggable = 0): GuestRam {
  const ranges = memoryRanges(bytes);
  if (pluggable !== 0) ranges.push(pluggableRange(bytes, pluggable));
  const fd = sys.descriptors.memfd("kata-ts-guest", bytes + pluggable);
  const mappings: Mapping[] = [];
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    for (const mapping of mappings) mapping.unmap();
    sys.descriptors.close(fd);
  };
  try {
    const regions: MappedRegion[] = [];
    let offset = 0;
    for (const { address, size } of ranges) {
      const mapping = sys.devices.map({ fd, length: size, offset, write: true, noReserve: true });
      mappings.push(mapping);
      // The mapping's own bytes come first: its addresses are not given to others while a view of them lives.
      const windows = [mapping.bytes, ...windowsOf(sys.devices, mapping.address, size).slice(1)];
      regions.push({ address, size, hostAddress: mapping.address, fd, offset, windows });
      offset += size;
    }
    const memory = new MappedMemory(regions);
    return { regions: memory.regions, memory, pluggable: pluggable === 0 ? undefined : memory.regions.at(-1), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The memory of a machine in another thread of the process that has it mapped; that mapping must outlive its use. */
export function openMemory(devices: Pick<Devices, "view">, regions: readonly MemoryRegion[]): MappedMemory {
  const mapped = regions.map(
    (region): MappedRegion => ({ ...region, windows: windowsOf(devices, region.hostAddress, region.size) }),
  );
  return new MappedMemory(mapped);
}
