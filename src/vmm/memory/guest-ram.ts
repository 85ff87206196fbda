import type { Devices, Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { vmmErrors } from "../errors.js";
import { layout } from "../machine/layout.js";
import type { MemoryRegion } from "./guest-memory.js";
import { type MappedRegion, MappedMemory } from "./mapped-memory.js";
import { windowsOf } from "./windows.js";

/** Bytes of a page of memory on x86-64. */
export const pageSize = 4096;

/** Bytes of a huge page. It backs a guest's only where both begin at a multiple of it. */
const hugePageSize = 2 ** 21;

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

/** What kind of memory a machine has. */
export interface GuestRamOptions {
  /** Bytes of a region more, for a virtio-mem device. */
  readonly pluggable?: number;
  /** In a file, for other processes to map; they are small pages then. */
  readonly shared?: boolean;
}

/**
 * Makes the memory of a machine, all zeros. Bytes, a multiple of the page size; others are `KATA_VMM_MEMORY_SIZE`. Nothing of
 * the host's memory is taken before it is touched, and pages can be given back one by one. Memory that nobody else maps is
 * in huge pages where the host has them: a guest that boots would have tens of thousands of faults else.
 */
export function createGuestRam(
  sys: Pick<Sys, "descriptors" | "devices">,
  bytes: number,
  { pluggable = 0, shared = false }: GuestRamOptions = {},
): GuestRam {
  const ranges = memoryRanges(bytes);
  if (pluggable !== 0) ranges.push(pluggableRange(bytes, pluggable));
  const fd = shared ? sys.descriptors.memfd("kata-ts-guest", bytes + pluggable) : undefined;
  const mappings: Mapping[] = [];
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    for (const mapping of mappings) mapping.unmap();
    if (fd !== undefined) sys.descriptors.close(fd);
  };
  try {
    const regions: MappedRegion[] = [];
    let offset = 0;
    for (const { address, size } of ranges) {
      const common = { length: size, write: true, noReserve: true, alignment: hugePageSize, inherited: false };
      const file = fd === undefined ? { shared: false, huge: true } : { fd, offset };
      const mapping = sys.devices.map({ ...common, ...file });
      mappings.push(mapping);
      // The mapping's own bytes come first: its addresses are not given to others while a view of them lives.
      const windows = [mapping.bytes, ...windowsOf(sys.devices, mapping.address, size).slice(1)];
      const backing = fd === undefined ? ({ kind: "own" } as const) : ({ kind: "file", fd, offset } as const);
      regions.push({ address, size, hostAddress: mapping.address, backing, windows });
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
