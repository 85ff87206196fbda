import {
  codeSegment,
  dataSegment,
  type GeneralRegisters,
  type SegmentState,
  type SpecialRegisters,
  taskSegment,
} from "../../core/kvm/registers.js";
import { layout } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { concat, u64 } from "./bytes.js";

/** Page table entries (Intel's SDM, volume 3, 4.5): present and writable, and that it maps 2 MiB by itself. */
const pageFlags = { present: 0x3, large: 0x80 } as const;
const pageSize = 0x1000;
const largePageSize = 0x200000;
const entriesPerPage = 512;
/** How many GiB are mapped: all that a kernel, its initrd and tables may be in. */
const mappedGiB = 4;

/** The boot protocol asks for these selectors (boot.rst, "64-bit Boot Protocol": `__BOOT_CS`, `__BOOT_DS`). */
const code = codeSegment(0x10);
const data = dataSegment(0x18);
const task = taskSegment(0x20);

/** A segment's descriptor, for a segment that begins at 0. */
function descriptor(segment: SegmentState): Uint8Array {
  const limit = segment.granular ? Math.floor(segment.limit / pageSize) : segment.limit;
  // Present, of privilege 0.
  const access = 0x80 | (Number(segment.ordinary) << 4) | segment.type;
  const flags = (Number(segment.granular) << 3) | (Number(segment.big) << 2) | (Number(segment.long) << 1);
  const bytes = new Uint8Array(8);
  bytes.set(u64(limit).subarray(0, 2));
  bytes.set([access, (flags << 4) | Math.floor(limit / 0x10000)], 5);
  return bytes;
}

/** The global descriptor table: two entries for nothing, code, data, and a task of two entries. */
const descriptors = concat(u64(0), u64(0), descriptor(code), descriptor(data), descriptor(task), u64(0));
/** One gate for nothing: an exception before the kernel has its own table ends the machine. */
const gates = new Uint8Array(16);

/** Entries of a page table for addresses that follow each other. */
function pageEntries(from: number, count: number, step: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(count * 8));
  for (let index = 0; index < count; index++) view.setBigUint64(index * 8, BigInt(from + index * step + flags), true);
  return new Uint8Array(view.buffer);
}

/** Writes descriptor tables, and page tables that map the first 4 GiB to themselves, in pages of 2 MiB. */
export function placeStartTables(memory: GuestMemory): void {
  memory.slice(layout.gdt, descriptors.length).set(descriptors);
  memory.slice(layout.idt, gates.length).set(gates);
  memory.slice(layout.pml4, 8).set(pageEntries(layout.pdpt, 1, 0, pageFlags.present));
  memory.slice(layout.pdpt, mappedGiB * 8).set(pageEntries(layout.pd, mappedGiB, pageSize, pageFlags.present));
  const large = pageFlags.present + pageFlags.large;
  memory.slice(layout.pd, mappedGiB * pageSize).set(pageEntries(0, mappedGiB * entriesPerPage, largePageSize, large));
}

/** The state of the first vCPU in long mode, with those tables: paging on, interrupts off. */
export const startSpecialRegisters: SpecialRegisters = {
  cs: code,
  data,
  tr: task,
  gdt: { base: layout.gdt, limit: descriptors.length - 1 },
  idt: { base: layout.idt, limit: gates.length - 1 },
  // PG, NE, ET, MP, PE
  cr0: 0x80000033,
  cr3: layout.pml4,
  // PAE
  cr4: 0x20,
  // LMA, LME
  efer: 0x500,
};

/** Where the first vCPU begins: at the kernel's entry, with `boot_params` in rsi. */
export function startGeneralRegisters(entry: number): GeneralRegisters {
  // Bit 1 of the flags is always set.
  return { rip: entry, rsi: layout.zeroPage, rsp: layout.bootStack, rbp: layout.bootStack, rflags: 2 };
}
