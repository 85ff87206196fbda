import { concat, u8 } from "../../bytes.js";
import { bootErrors } from "../../errors.js";

const dualPrefix = 0x2e;
const multiPrefix = 0x2f;

/** One part of a name, filled up with underscores to 4 characters. */
function segment(text: string, name: string): Uint8Array {
  if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(text)) {
    const form = "names of up to 4 capital letters, digits and underscores, parted by dots";
    throw bootErrors.KATA_VMM_TABLE_TEXT({ text: name, form });
  }
  return Buffer.from(text.padEnd(4, "_"), "latin1");
}

/** A name as AML has it (ACPI 6.3, 20.2.2): `\_SB`, `COM1`, `\_SB.VR00`. Any other is `KATA_VMM_TABLE_TEXT`. */
export function amlName(name: string): Uint8Array {
  const absolute = name.startsWith("\\");
  const segments = name
    .slice(absolute ? 1 : 0)
    .split(".")
    .map((text) => segment(text, name));
  const root = absolute ? [Buffer.from("\\", "latin1")] : [];
  if (segments.length === 1) return concat(...root, ...segments);
  const prefix = segments.length === 2 ? u8(dualPrefix) : concat(u8(multiPrefix), u8(segments.length));
  return concat(...root, prefix, ...segments);
}
