import type { KataError } from "../../errors/error.js";
import { didYouMean } from "../../config/nearest.js";
import { danErrors } from "./errors.js";

/** Characters of a value that are shown, at most. */
const shown = 80;

/** A value for people: a text or a number as it is written, anything that holds others by its kind. */
function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(typeof value === "string" ? value.slice(0, shown) : value);
  return typeof value === "string" && value.length > shown ? `${text}…` : text;
}

/** A key as a part of a path. */
const step = (key: string): string => (/^\w{1,80}$/.test(key) ? key : show(key));

/** A value of a DAN file and where it stands. What takes it is `KATA_DAN_FIELD` when it is another kind of value. */
export class Field {
  readonly #file: string;
  readonly #path: string;
  readonly #value: unknown;

  /** `path` leads to the value: `devices[0].name`, empty for all of the file. */
  constructor(file: string, path: string, value: unknown) {
    this.#file = file;
    this.#path = path;
    this.#value = value;
  }

  /** Where it stands, for messages. */
  get path(): string {
    return this.#path === "" ? "the whole" : this.#path;
  }

  /** The error for a value that cannot be used; `why` completes "devices[0].name is "…"". */
  refuse(why: string): KataError {
    return this.#error(`is ${show(this.#value)}${why}`);
  }

  /** A text, which may be empty. */
  text(): string {
    if (typeof this.#value === "string") return this.#value;
    throw this.refuse("; it takes a text");
  }

  /** A whole number of these bounds, both included; `unit` is for the message. */
  integer(least: number, most: number, unit = ""): number {
    const value = this.#value;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.refuse(`; it takes a whole number from ${least} to ${most}${unit}`);
  }

  /** The items of a list. */
  list(): Field[] {
    if (!Array.isArray(this.#value)) throw this.refuse("; it takes a list");
    return this.#value.map((item: unknown, index) => new Field(this.#file, `${this.#path}[${index}]`, item));
  }

  /** An object with some of these keys, and no other: that is `KATA_DAN_UNKNOWN_KEY`. */
  object<K extends string>(keys: readonly K[]): Fields<K> {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.refuse("; it takes an object");
    }
    const fields = new Map<string, Field>();
    for (const [key, item] of Object.entries(value)) {
      const field = this.#path === "" ? step(key) : `${this.#path}.${step(key)}`;
      if (!keys.some((known) => known === key)) {
        const hint = didYouMean(key, keys);
        throw danErrors.KATA_DAN_UNKNOWN_KEY({ file: this.#file, field, keys, hint });
      }
      // Go writes `null` for a list that is empty.
      if (item !== null) fields.set(key, new Field(this.#file, field, item));
    }
    const missing = (key: string) => this.#error(`has no ${key}, which it needs`);
    return new Fields(fields, missing);
  }

  #error(problem: string): KataError {
    return danErrors.KATA_DAN_FIELD({ file: this.#file, field: this.path, problem });
  }
}

/** The values of an object by their keys. */
export class Fields<K extends string> {
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #missing: (key: string) => KataError;

  constructor(fields: ReadonlyMap<string, Field>, missing: (key: string) => KataError) {
    this.#fields = fields;
    this.#missing = missing;
  }

  /** A value that may be left out, or `null`. */
  optional(key: K): Field | undefined {
    return this.#fields.get(key);
  }

  /** A value that must be there. */
  required(key: K): Field {
    const field = this.#fields.get(key);
    if (field === undefined) throw this.#missing(key);
    return field;
  }

  /** The items of a list that may be left out. */
  list(key: K): Field[] {
    return this.#fields.get(key)?.list() ?? [];
  }
}
