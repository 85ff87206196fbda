import { snapshotErrors } from "./errors.js";

/** Bounds of a number; from 0 to 2^53 - 1 unless told. */
export interface NumberRange {
  readonly least?: number;
  readonly most?: number;
}

/**
 * Plain data that came from a file, read field by field: what is not there, or is not what it has to be, is
 * `KATA_VMM_SNAPSHOT_STATE`, which tells the file and the place in it.
 */
export class PlainReader {
  readonly #value: unknown;
  readonly #path: string;
  readonly #place: string;

  /** `path` is that of the file, for errors. */
  constructor(value: unknown, path: string, place = "") {
    this.#value = value;
    this.#path = path;
    this.#place = place;
  }

  field(name: string): PlainReader {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.broken("is no object");
    const there = Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
    return new PlainReader(there, this.#path, this.#place === "" ? name : `${this.#place}.${name}`);
  }

  /** A field that may be left out. */
  optional(name: string): PlainReader | undefined {
    const field = this.field(name);
    return field.#value === undefined || field.#value === null ? undefined : field;
  }

  /** At most `most` of them. */
  list(most: number): PlainReader[] {
    const value: unknown = this.#value;
    if (!Array.isArray(value) || value.length > most) throw this.broken(`is no list of up to ${most}`);
    return value.map((one: unknown, index) => new PlainReader(one, this.#path, `${this.#place}[${index}]`));
  }

  /** A whole number. */
  number({ least = 0, most = Number.MAX_SAFE_INTEGER }: NumberRange = {}): number {
    const value = this.#value;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
      throw this.broken(`is no whole number from ${least} to ${most}`);
    }
    return value;
  }

  /** A number as `plainInteger` writes it, of up to so many bits. */
  integer(bits: number): bigint {
    const value = this.#value;
    const digits = Math.ceil(bits / 4);
    if (typeof value !== "string" || !/^[0-9a-f]+$/.test(value) || value.length > digits) {
      throw this.broken(`is no number of up to ${digits} hexadecimal digits`);
    }
    return BigInt(`0x${value}`);
  }

  boolean(): boolean {
    const value = this.#value;
    if (typeof value !== "boolean") throw this.broken("is neither true nor false");
    return value;
  }

  text(most = 4096): string {
    const value = this.#value;
    if (typeof value !== "string" || value.length > most) throw this.broken(`is no text of up to ${most} characters`);
    return value;
  }

  /** Bytes as `plainBytes` writes them: so many, or up to `most`. */
  bytes(length: number | { readonly most: number }): Uint8Array {
    const value = this.#value;
    const isBase64 = typeof value === "string" && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
    const bytes = isBase64 ? Uint8Array.from(Buffer.from(value, "base64")) : undefined;
    const fits = typeof length === "number" ? bytes?.length === length : (bytes?.length ?? Infinity) <= length.most;
    if (bytes === undefined || !fits) {
      throw this.broken(`is not ${typeof length === "number" ? length : `up to ${length.most}`} bytes`);
    }
    return bytes;
  }

  /** The data itself, for who reads it elsewhere. */
  raw(): unknown {
    return this.#value;
  }

  /** The error for this place. */
  broken(problem: string): Error {
    const place = this.#place === "" ? "all of it" : this.#place;
    return snapshotErrors.KATA_VMM_SNAPSHOT_STATE({ path: this.#path, problem: `${place} ${problem}` });
  }
}
