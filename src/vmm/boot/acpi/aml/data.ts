import { concat, u8, u16, u32, u64 } from "../../bytes.js";
import { bootErrors } from "../../errors.js";
import { withPackageLength } from "./package-length.js";

/** Opcodes of data (ACPI 6.3, 20.2.3). */
const opcode = { byte: 0x0a, word: 0x0b, double: 0x0c, text: 0x0d, quad: 0x0e, buffer: 0x11, list: 0x12 } as const;

/** A number, in as few bytes as it has. */
export function amlNumber(value: number): Uint8Array {
  // ZeroOp and OneOp are the numbers themselves.
  if (value === 0 || value === 1) return u8(value);
  if (value < 0x100) return concat(u8(opcode.byte), u8(value));
  if (value < 0x10000) return concat(u8(opcode.word), u16(value));
  if (value < 0x100000000) return concat(u8(opcode.double), u32(value));
  return concat(u8(opcode.quad), u64(value));
}

/** Printable ASCII text; any other is `KATA_VMM_TABLE_TEXT`. */
export function amlText(text: string): Uint8Array {
  if (!/^[ -~]*$/.test(text)) throw bootErrors.KATA_VMM_TABLE_TEXT({ text, form: "printable characters" });
  return concat(u8(opcode.text), Buffer.from(text, "latin1"), u8(0));
}

/** Bytes. */
export function amlBuffer(bytes: Uint8Array): Uint8Array {
  return concat(u8(opcode.buffer), withPackageLength(concat(amlNumber(bytes.length), bytes)));
}

/** A list of data, at most 255. */
export function amlPackage(...elements: readonly Uint8Array[]): Uint8Array {
  return concat(u8(opcode.list), withPackageLength(concat(u8(elements.length), ...elements)));
}

/** The number that stands for a Plug and Play id, three letters and four hexadecimal digits: `PNP0501` (ACPI 6.3, 19.6.36). */
export function amlEisaId(id: string): Uint8Array {
  if (!/^[A-Z]{3}[0-9A-F]{4}$/.test(id)) {
    throw bootErrors.KATA_VMM_TABLE_TEXT({ text: id, form: "three letters and four hexadecimal digits" });
  }
  // 5 bits a letter, A being 1; the number's bytes are the other way round.
  const [first = 0, second = 0, third = 0] = Array.from(id.slice(0, 3), (letter) => letter.charCodeAt(0) - 0x40);
  const letters = (first << 10) | (second << 5) | third;
  const digits = Number.parseInt(id.slice(3), 16);
  const bytes = Uint8Array.of(letters >> 8, letters, digits >> 8, digits);
  return concat(u8(opcode.double), bytes);
}
