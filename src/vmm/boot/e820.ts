import { layout } from "../machine/layout.js";
import { concat, u32, u64 } from "./bytes.js";
import { bootErrors } from "./errors.js";

/** A stretch of addresses, in bytes. */
export interface AddressRange {
  readonly address: number;
  readonly size: number;
}

/** Kinds of addresses (ACPI 6.3, 15.1). */
const kinds = { memory: 1, reserved: 2, acpi: 3 } as const;

/** One row of the memory map that a kernel is given. */
export interface E820Entry extends AddressRange {
  readonly kind: keyof typeof kinds;
}

/** The most rows that `struct boot_params` has room for. */
const maximum = 128;

/**
 * The memory map: the memory there is, without what is between `layout.mpTable` and 1 MiB, where tables for the kernel are.
 * `KATA_VMM_MEMORY_MAP` when it has more rows than `boot_params` takes.
 */
export function memoryMap(memory: readonly AddressRange[]): E820Entry[] {
  const entries: E820Entry[] = [
    { address: layout.mpTable, size: layout.acpi - layout.mpTable, kind: "reserved" },
    { address: layout.acpi, size: layout.acpiEnd - layout.acpi, kind: "acpi" },
  ];
  const add = (from: number, to: number): void => {
    if (to > from) entries.push({ address: from, size: to - from, kind: "memory" });
  };
  for (const { address, size } of memory) {
    add(address, Math.min(address + size, layout.mpTable));
    add(Math.max(address, layout.acpiEnd), address + size);
  }
  if (entries.length > maximum) {
    throw bootErrors.KATA_VMM_MEMORY_MAP({ stretches: memory.length, limit: maximum - 3 });
  }
  return entries.sort((a, b) => a.address - b.address);
}

/** Rows as `struct boot_e820_entry` has them. */
export function encodeMemoryMap(entries: readonly E820Entry[]): Uint8Array {
  return concat(...entries.flatMap(({ address, size, kind }) => [u64(address), u64(size), u32(kinds[kind])]));
}
