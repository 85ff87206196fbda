import { layout } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { checksum, concat, paddedText, u8, u16, u32, zeros } from "./bytes.js";
import type { MachineDescription, ProcessorDescription } from "./machine-description.js";

/** Sizes in bytes, and kinds of entries (Intel's MultiProcessor Specification 1.4, chapter 4). */
const sizes = { pointer: 16, header: 44 } as const;
const entry = { processor: 0, bus: 1, ioApic: 2, interrupt: 3, localInterrupt: 4 } as const;
/** Kinds of interrupts. */
const interrupt = { vectored: 0, nonMaskable: 1, external: 3 } as const;
const revision = 4;
/** Versions that the APICs of a processor, and of I/O, have in KVM. */
const versions = { local: 0x14, io: 0x11 } as const;
/** There is one bus. */
const isaBus = 0;
/** Stands for all processors; no processor has a greater id. */
const allProcessors = 0xff;
/** Feature flags of `cpuid` 1: a floating-point unit, a local APIC. */
const processorFeatures = 0x201;

/** Puts a checksum where its zero is. */
function summed(table: Uint8Array, at: number): Uint8Array {
  table[at] = checksum(table);
  return table;
}

function processor({ id, enabled }: ProcessorDescription, index: number): Uint8Array {
  const flags = Number(enabled) | (Number(index === 0) << 1);
  const head = concat(u8(entry.processor), u8(id), u8(versions.local), u8(flags));
  return concat(head, u32(0), u32(processorFeatures), zeros(8));
}

/** Interrupts are as their bus has them: of ISA, edges to high. */
function source(kind: number, type: number, line: number, apic: number, pin: number): Uint8Array {
  return concat(u8(kind), u8(type), u16(0), u8(isaBus), u8(line), u8(apic), u8(pin));
}

/**
 * Intel's MP table: the pointer that kernels look for, and after it the table. Processors whose id has more than 8 bits are
 * not in it, since it has no room for one: a kernel without ACPI does without them.
 *
 * @param address where it is going to be, a multiple of 16
 */
export function encodeMpTable(machine: MachineDescription, address: number): Uint8Array {
  const { ioApic, localApic } = machine;
  const processors = machine.processors.filter(({ id }) => id < allProcessors);
  const entries = [
    ...processors.map(processor),
    concat(u8(entry.bus), u8(isaBus), paddedText("ISA", 6)),
    concat(u8(entry.ioApic), u8(ioApic.id), u8(versions.io), u8(1), u32(ioApic.address)),
    ...Array.from({ length: ioApic.lines }, (_, line) =>
      source(entry.interrupt, interrupt.vectored, line, ioApic.id, line),
    ),
    source(entry.localInterrupt, interrupt.external, 0, 0, 0),
    source(entry.localInterrupt, interrupt.nonMaskable, 0, allProcessors, 1),
  ];
  const size = sizes.header + entries.reduce((sum, { length }) => sum + length, 0);
  const table = concat(
    paddedText("PCMP", 4),
    u16(size),
    u8(revision),
    u8(0),
    paddedText("KATA", 8),
    paddedText("KATA-TS", 12),
    u32(0),
    u16(0),
    u16(entries.length),
    u32(localApic),
    u32(0),
    ...entries,
  );
  const pointer = concat(
    paddedText("_MP_", 4),
    u32(address + sizes.pointer),
    u8(sizes.pointer / 16),
    u8(revision),
    u8(0),
    zeros(5),
  );
  return concat(summed(pointer, 10), summed(table, 7));
}

/** Writes it to `layout.mpTable`. With lengths of 16 bits it is smaller than the room there, whatever is in it. */
export function placeMpTable(memory: GuestMemory, machine: MachineDescription): void {
  const bytes = encodeMpTable(machine, layout.mpTable);
  memory.slice(layout.mpTable, bytes.length).set(bytes);
}
