import { ociErrors } from "./convert-errors.js";

const int64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n, name: "a whole number of 64 bits" };
const uint64 = { least: 0n, most: 2n ** 64n - 1n, name: "a whole number of 64 bits, 0 or more" };
const uint32 = { least: 0n, most: 2n ** 32n - 1n, name: "a whole number of 32 bits, 0 or more" };

const shownLength = 80;

/** A value as an error shows it: JSON, cut when long. */
function show(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

/** The error for a field that is not what it should be. */
export function badField(field: string, value: unknown, expected: string): Error {
  return ociErrors.KATA_OCI_FIELD({ field, value: show(value), expected });
}

function integer(field: string, value: unknown, range: typeof int64): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === "number" && Number.isInteger(value)) {
    const exact = BigInt(value);
    // A JSON number near the limit of 64 bits is read as a double, which rounds the limit itself up by one.
    return exact === range.most + 1n && range !== uint32 ? range.most : inRange(field, exact, range);
  }
  if (typeof value === "bigint") return inRange(field, value, range);
  throw badField(field, value, range.name);
}

function inRange(field: string, value: bigint, range: typeof int64): bigint {
  if (value < range.least || value > range.most) throw badField(field, value, range.name);
  return value;
}

/** An `int64`; absent is 0. */
export const toInt64 = (field: string, value: unknown): bigint => integer(field, value, int64);
/** A `uint64`; absent is 0. */
export const toUint64 = (field: string, value: unknown): bigint => integer(field, value, uint64);
/** A `uint32`; absent is 0. */
export const toUint32 = (field: string, value: unknown): number => Number(integer(field, value, uint32));

/** A string; absent is "". A NUL byte is refused: nothing the kernel is given can have one. */
export function toText(field: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw badField(field, value, "a string");
  if (value.includes("\0")) throw badField(field, value, "a string without a NUL byte");
  return value;
}

/** A boolean; absent is false. */
export function toBoolean(field: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw badField(field, value, "true or false");
  return value;
}

/** A list, each element translated; absent is empty. */
export function toList<T>(field: string, value: unknown, item: (field: string, value: unknown) => T): T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badField(field, value, "a list");
  return value.map((element: unknown, index) => item(`${field}[${index}]`, element));
}

/** A list of strings; absent is empty. */
export const toTexts = (field: string, value: unknown): string[] => toList(field, value, toText);

/** An object with strings as values; absent is empty. The key `__proto__`, which the protocol's code loses, is refused. */
export function toTextMap(field: string, value: unknown): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, text] of Object.entries(toObject(field, value) ?? {})) {
    if (key === "__proto__") throw badField(field, key, "a list of names that all can be used");
    map[toText(field, key)] = toText(`${field}.${key}`, text);
  }
  return map;
}

/** An object; undefined when absent. */
export function toObject(field: string, value: unknown): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw badField(field, value, "an object");
  return value as Record<string, unknown>;
}

/** An object that must be there. */
export function toRequiredObject(field: string, value: unknown): Record<string, unknown> {
  const object = toObject(field, value);
  if (object === undefined) throw badField(field, value, "an object");
  return object;
}

/** A 64-bit number as JSON has it: a `number` where that is exact, a `bigint` elsewhere. */
export function fromInt(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** A 64-bit number that only makes sense where a double is exact. */
export function fromSafeInt(field: string, value: bigint): number {
  const number = fromInt(value);
  if (typeof number === "bigint") throw badField(field, value, "a number below 2^53");
  return number;
}

/** A limit in bytes or microseconds; one that no machine can reach is -1, unlimited. */
export function fromLimit(value: bigint): number {
  const number = fromInt(value);
  return typeof number === "bigint" ? -1 : number;
}

/** The members of an object that say something: absent, "", false, [] and {} are all the protocol's zero value. */
export function compact<T extends Record<string, unknown>>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) if (!isZero(value)) kept[key] = value;
  return kept as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function isZero(value: unknown): boolean {
  if (value === undefined || value === "" || value === false) return true;
  return Array.isArray(value) && value.length === 0;
}
