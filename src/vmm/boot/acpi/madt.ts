import { concat, u8, u16, u32 } from "../bytes.js";
import type { MachineDescription, ProcessorDescription } from "../machine-description.js";
import { acpiTable } from "./table.js";

/** Version of the table in ACPI 6.3. */
const revision = 5;

/** Kinds of its entries (ACPI 6.3, table 5-45). */
const entry = { localApic: 0, ioApic: 1, localX2Apic: 9 } as const;

/** The greatest id of an 8-bit local APIC; 255 stands for all. */
const lastApicId = 254;

/** A processor is there, or may be added. */
const processorFlags = { enabled: 1, onlineCapable: 2 } as const;

function processor({ id, enabled }: ProcessorDescription): Uint8Array {
  const flags = u32(enabled ? processorFlags.enabled : processorFlags.onlineCapable);
  if (id <= lastApicId) return concat(u8(entry.localApic), u8(8), u8(id), u8(id), flags);
  return concat(u8(entry.localX2Apic), u8(16), u16(0), u32(id), flags, u32(id));
}

/**
 * The interrupt controllers, MADT (ACPI 6.3, 5.2.12). Line n of the I/O APIC is interrupt n, and ISA's are the same ones,
 * edges to high, so nothing overrides them. There is no pair of 8259s that a kernel would have to turn off.
 */
export function encodeMadt(machine: MachineDescription): Uint8Array {
  const { ioApic } = machine;
  return acpiTable(
    "APIC",
    revision,
    concat(
      u32(machine.localApic),
      u32(0),
      ...machine.processors.map(processor),
      concat(u8(entry.ioApic), u8(12), u8(ioApic.id), u8(0), u32(ioApic.address), u32(0)),
    ),
  );
}
