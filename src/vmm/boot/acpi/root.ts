import { checksum, concat, paddedText, u8, u32, u64, zeros } from "../bytes.js";
import { acpiOem, acpiTable } from "./table.js";

/** Bytes of the root pointer, and of its part that ACPI 1.0 had, which has a checksum of its own. */
const size = 36;
const firstSize = 20;

/** The root pointer, RSDP (ACPI 6.3, 5.2.5.3), to an XSDT at this address. */
export function encodeRootPointer(xsdt: number): Uint8Array {
  const oem = paddedText(acpiOem, 6);
  const pointer = concat(paddedText("RSD PTR", 8), u8(0), oem, u8(2), u32(0), u32(size), u64(xsdt), u8(0), zeros(3));
  pointer[8] = checksum(pointer.subarray(0, firstSize));
  pointer[32] = checksum(pointer);
  return pointer;
}

/** The table of tables, XSDT (ACPI 6.3, 5.2.8). */
export function encodeXsdt(tables: readonly number[]): Uint8Array {
  return acpiTable("XSDT", 1, concat(...tables.map(u64)));
}
