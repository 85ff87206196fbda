import { bootErrors } from "./errors.js";

function encode(value: number, bytes: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * bytes)) {
    throw bootErrors.KATA_VMM_TABLE_VALUE({ value, bits: 8 * bytes });
  }
  const result = new Uint8Array(bytes);
  for (let index = 0, rest = value; index < bytes; index++, rest = Math.floor(rest / 256)) result[index] = rest % 256;
  return result;
}

/** Numbers as tables in a guest's memory have them, little-endian; one that does not fit is `KATA_VMM_TABLE_VALUE`. */
export const u8 = (value: number): Uint8Array => encode(value, 1);
export const u16 = (value: number): Uint8Array => encode(value, 2);
export const u32 = (value: number): Uint8Array => encode(value, 4);
export const u64 = (value: number): Uint8Array => encode(value, 8);

/** Zeros, for what is reserved. */
export const zeros = (count: number): Uint8Array => new Uint8Array(count);

/** ASCII text filled up with spaces; what is longer, or no printable ASCII, is `KATA_VMM_TABLE_TEXT`. */
export function paddedText(text: string, length: number): Uint8Array {
  if (text.length > length || !/^[ -~]*$/.test(text)) {
    throw bootErrors.KATA_VMM_TABLE_TEXT({ text, form: `${length} printable characters at most` });
  }
  return Buffer.from(text.padEnd(length), "latin1");
}

/** One after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The byte that makes the sum of all of them, it included, a multiple of 256: the checksum of ACPI and of MP tables. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}

/** The next multiple of `alignment`, a power of two, at or above an address. */
export function alignUp(address: number, alignment: number): number {
  return Math.ceil(address / alignment) * alignment;
}
