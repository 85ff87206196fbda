import type { FileRange } from "../../core/sys/files.js";
import type { Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { type GuestRam, type MemoryRange, pageSize } from "./guest-ram.js";
import { type MappedRegion, MappedMemory } from "./mapped-memory.js";
import { windowsOf } from "./windows.js";

/** The most mappings of one guest's memory: the kernel has 65530 for all of a process. */
const mostMappings = 8192;

/** Memory that was saved. */
export interface SavedRam {
  /** Of the file with the memory, each region behind the one before; the caller's. */
  readonly fd: number;
  readonly regions: readonly MemoryRange[];
}

/**
 * Maps memory that was saved, for one more machine. Each page is the file's own, whoever else has it mapped, until it is
 * written to: then this machine has a page of its own, and the file stays as it is. What is a hole in the file takes no page
 * of it, not even to be read. No other process can map it, and pages cannot be given back.
 */
export function mapSavedRam(sys: Pick<Sys, "devices" | "files">, { fd, regions: ranges }: SavedRam): GuestRam {
  const bytes = ranges.reduce((sum, { size }) => sum + size, 0);
  const data = joinRanges(sys.files.dataRanges(fd), Math.ceil(bytes / mostMappings / pageSize) * pageSize);
  const mappings: Mapping[] = [];
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    for (const mapping of mappings) mapping.unmap();
  };
  try {
    const regions: MappedRegion[] = [];
    let start = 0;
    for (const { address, size } of ranges) {
      const mapping = sys.devices.map({ length: size, write: true, shared: false, noReserve: true, inherited: false });
      mappings.push(mapping);
      for (const { offset, length } of within(data, start, size)) {
        const request = { fd, offset, length, write: true, shared: false, noReserve: true, inherited: false };
        sys.devices.mapOver(mapping, offset - start, request);
      }
      const windows = [mapping.bytes, ...windowsOf(sys.devices, mapping.address, size).slice(1)];
      regions.push({ address, size, hostAddress: mapping.address, backing: { kind: "saved" }, windows });
      start += size;
    }
    const memory = new MappedMemory(regions);
    return { regions: memory.regions, memory, pluggable: undefined, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Ranges made whole pages, and those put together that have no more than `gap` bytes between them. */
export function joinRanges(ranges: readonly FileRange[], gap: number): FileRange[] {
  const joined: FileRange[] = [];
  for (const range of ranges) {
    const offset = Math.floor(range.offset / pageSize) * pageSize;
    const end = Math.ceil((range.offset + range.length) / pageSize) * pageSize;
    const last = joined.at(-1);
    if (last !== undefined && offset - (last.offset + last.length) <= gap) {
      joined[joined.length - 1] = { offset: last.offset, length: Math.max(end - last.offset, last.length) };
    } else joined.push({ offset, length: end - offset });
  }
  return joined;
}

/** What of the ranges is within a stretch. */
function within(ranges: readonly FileRange[], start: number, size: number): FileRange[] {
  return ranges.flatMap(({ offset, length }) => {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + size);
    return to > from ? [{ offset: from, length: to - from }] : [];
  });
}
