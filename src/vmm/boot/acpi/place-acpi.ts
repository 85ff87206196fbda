import { layout } from "../../machine/layout.js";
import type { GuestMemory } from "../../memory/guest-memory.js";
import { alignUp } from "../bytes.js";
import { bootErrors } from "../errors.js";
import type { MachineDescription } from "../machine-description.js";
import { encodeDsdt } from "./dsdt.js";
import { encodeFadt } from "./fadt.js";
import { encodeMadt } from "./madt.js";
import { encodeRootPointer, encodeXsdt } from "./root.js";

/** Kernels look for the root pointer at multiples of it. */
const alignment = 16;

/**
 * Writes ACPI's tables of a machine to `layout.acpi`, the root pointer first, whose address is given back.
 * `KATA_VMM_TABLE_SPACE` when they are too large.
 */
export function placeAcpi(memory: GuestMemory, machine: MachineDescription): number {
  const placed: { readonly address: number; readonly bytes: Uint8Array }[] = [];
  const rootPointer = layout.acpi;
  let end = alignUp(rootPointer + encodeRootPointer(0).length, alignment);
  const place = (bytes: Uint8Array): number => {
    const address = end;
    placed.push({ address, bytes });
    end = alignUp(address + bytes.length, alignment);
    return address;
  };
  const dsdt = place(encodeDsdt(machine));
  const fadt = place(encodeFadt(machine, dsdt));
  const madt = place(encodeMadt(machine));
  const xsdt = place(encodeXsdt([fadt, madt]));
  if (end > layout.acpiEnd) {
    const limit = layout.acpiEnd - layout.acpi;
    throw bootErrors.KATA_VMM_TABLE_SPACE({ table: "set of ACPI tables", size: end - layout.acpi, limit });
  }
  placed.push({ address: rootPointer, bytes: encodeRootPointer(xsdt) });
  for (const { address, bytes } of placed) memory.slice(address, bytes.length).set(bytes);
  return rootPointer;
}
