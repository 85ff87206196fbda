import { checksum, concat, paddedText, u8, u32 } from "../bytes.js";

/** Bytes of the header that all tables but the root pointer have (ACPI 6.3, 5.2.6). */
export const tableHeaderSize = 36;
const checksumAt = 9;

/** Who made a table: its six characters are in the root pointer too. */
export const acpiOem = "KATA";

/** A table of ACPI's, with its header and checksum. */
export function acpiTable(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const table = concat(
    paddedText(signature, 4),
    u32(tableHeaderSize + body.length),
    u8(revision),
    u8(0),
    paddedText(acpiOem, 6),
    paddedText("KATA-TS", 8),
    u32(1),
    paddedText("KATA", 4),
    u32(1),
    body,
  );
  table[checksumAt] = checksum(table);
  return table;
}
