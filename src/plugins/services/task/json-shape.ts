import { taskErrors } from "./errors.js";

/** Checks one value; throws `KATA_JSON_SHAPE` that names the text and the field. */
export type Check = (value: unknown, at: Place) => void;

/** A field in a named text: `process.args[2]` of `config.json`. */
export interface Place {
  readonly what: string;
  readonly field: string;
}

const shownLength = 60;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

function refuse(value: unknown, { what, field }: Place, wanted: string): never {
  throw taskErrors.KATA_JSON_SHAPE({ what, field: field === "" ? "it" : field, wanted, found: show(value) });
}

const below = (at: Place, name: string): Place => ({
  what: at.what,
  field: at.field === "" || name.startsWith("[") ? `${at.field}${name}` : `${at.field}.${name}`,
});

/** Text without a NUL byte, which no kernel interface could take. */
export const string: Check = (value, at) => {
  if (typeof value !== "string") refuse(value, at, "text");
  if (value.includes("\0")) refuse(value, at, "text without a NUL byte");
};

/** Text that is not empty. */
export const nonEmpty: Check = (value, at) => {
  string(value, at);
  if (value === "") refuse(value, at, "text that is not empty");
};

export const boolean: Check = (value, at) => {
  if (typeof value !== "boolean") refuse(value, at, "true or false");
};

/** A whole number, between `least` and `most`. */
export function integer(least: number, most: number): Check {
  return (value, at) => {
    const fits = typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
    if (!fits) refuse(value, at, `a whole number from ${least} to ${most}`);
  };
}

export const uint32 = integer(0, 2 ** 32 - 1);
export const int64 = integer(-(2 ** 63), 2 ** 63);
export const uint64 = integer(0, 2 ** 64);

export function list(item: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value)) refuse(value, at, "a list");
    for (const [index, one] of value.entries()) item(one, below(at, `[${index}]`));
  };
}

function assertObject(value: unknown, at: Place): asserts value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(value, at, "an object");
}

/** An object whose every member passes. */
export function record(member: Check): Check {
  return (value, at) => {
    assertObject(value, at);
    for (const [name, one] of Object.entries(value)) member(one, below(at, name));
  };
}

/** An object; `required` members must be there, `optional` ones may, others are left alone. */
export function object(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    assertObject(value, at);
    for (const [name, check] of Object.entries(required)) check(value[name], below(at, name));
    for (const [name, check] of Object.entries(optional)) {
      if (value[name] !== undefined) check(value[name], below(at, name));
    }
  };
}
