import { isPlainObject } from "./plain-object.js";

/** How a number of 64 bits is written, which JSON's numbers would round: specs have them. */
const bigMember = "$big";

/** State as text, on one line. */
export function formatState(state: object): string {
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === "bigint" ? { [bigMember]: value.toString() } : value;
  return `${JSON.stringify(state, plain)}\n`;
}

/** The value that a text holds; throws what `JSON.parse` does. */
export function parseState(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (!isPlainObject(value)) return value;
    const digits = value[bigMember];
    return typeof digits === "string" && /^-?\d{1,20}$/.test(digits) ? BigInt(digits) : value;
  });
}
