import type { Deprecation } from "../../deprecation.js";

/** What kind of TOML value a key takes. */
export type KeyType =
  | "boolean"
  | "integer"
  | "big integer"
  | "number"
  | "string"
  | "list of strings"
  | "list of integers"
  | "table"
  | "list of tables";

/** Whether a key does something here. `none` says why not; it is shown by `kata-ts config`. */
export type KeyEffect = "implemented" | { readonly none: string };

/** One key of a configuration table, as data. `T` is the type of its value; `default` is of that type. */
export interface KeyRow<T = unknown> {
  readonly type: KeyType;
  readonly default: T;
  /** One sentence for the listing and the reference page. */
  readonly description: string;
  readonly effect: KeyEffect;
  /** Unit of a number: `MiB`, `ms`, `s`, `%`. */
  readonly unit?: string;
  /** Smallest and largest number allowed. */
  readonly min?: number;
  readonly max?: number;
  /** Zero or a power of two. */
  readonly powerOfTwo?: true;
  /** The value that asks for the default, as if the key were not there. */
  readonly unset?: "" | 0;
  /** The only strings allowed. */
  readonly oneOf?: readonly string[];
  /** Other ways to write a value that Kata accepts, with what they mean. */
  readonly spellings?: Readonly<Record<string, string>>;
  /** Other names of this key that Kata accepts. */
  readonly aliases?: readonly string[];
  /** The key is to go: it works, with a warning. */
  readonly deprecated?: Deprecation;
  /** Former names of this key that are to go: they work, with a warning. */
  readonly formerNames?: Readonly<Record<string, Deprecation>>;
  /** A path on the host: it must be absolute. */
  readonly path?: true;
  /** Regular expressions: each must be one. */
  readonly patterns?: true;
  /** Not shown in listings. */
  readonly secret?: true;
  /** Keys of a `table` or of each of a `list of tables`. */
  readonly keys?: KeyTable;
}

/** The keys of one table by name. */
export type KeyTable = Readonly<Record<string, KeyRow>>;

/** The values that a key table describes. */
export type KeyValues<T extends KeyTable> = {
  readonly [K in keyof T]: T[K] extends KeyRow<infer V> ? V : never;
};

/** What a row says beside its type and default. */
export interface KeyDetails {
  /** Unset: something acts on it only when a plugin in use says so (`ConfigExtension.uses`). */
  readonly effect?: KeyEffect;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly powerOfTwo?: true;
  readonly unset?: "" | 0;
  readonly aliases?: readonly string[];
  readonly spellings?: Readonly<Record<string, string>>;
  readonly deprecated?: Deprecation;
  readonly formerNames?: Readonly<Record<string, Deprecation>>;
  readonly path?: true;
  readonly patterns?: true;
  readonly secret?: true;
}

/** The effect of keys that are for a plugin to act on, as long as none in use says that it does. */
export const leftToPlugins: KeyEffect = { none: "no plugin in use acts on it" };

/** An effect of `none`, and why. */
export function noEffect(reason: string): KeyDetails & { readonly effect: KeyEffect } {
  return { effect: { none: reason } };
}

/** Details of a key that core itself acts on. */
export const implemented = { effect: "implemented" } as const;

function row<T>(type: KeyType, fallback: T, description: string, details: KeyDetails = {}): KeyRow<T> {
  if (Array.isArray(fallback)) Object.freeze(fallback);
  return { effect: leftToPlugins, ...details, type, default: fallback, description };
}

/** `true` or `false`. */
export const boolean = <D extends boolean | undefined>(fallback: D, description: string, details?: KeyDetails) =>
  row<boolean | (undefined & D)>("boolean", fallback, description, details);

/** A whole number that a double holds exactly; not negative unless `min` says so. */
export const integer = <D extends number | undefined>(fallback: D, description: string, details?: KeyDetails) =>
  row<number | (undefined & D)>("integer", fallback, description, { min: 0, ...details });

/** A whole number of up to 64 bits, as a bigint; not negative. */
export const bigInteger = (fallback: bigint, description: string, details?: KeyDetails) =>
  row<bigint>("big integer", fallback, description, details);

/** A number with or without a fraction. */
export const number = (fallback: number, description: string, details?: KeyDetails) =>
  row<number>("number", fallback, description, details);

/** Any string. */
export const string = (fallback: string, description: string, details?: KeyDetails) =>
  row<string>("string", fallback, description, details);

/** One string of a few. */
export const choice = <const C extends readonly string[]>(
  oneOf: C,
  fallback: C[number],
  description: string,
  details?: KeyDetails,
): KeyRow<C[number]> => ({ ...row<C[number]>("string", fallback, description, details), oneOf });

/** A list of strings. */
export const strings = (fallback: readonly string[], description: string, details?: KeyDetails) =>
  row<readonly string[]>("list of strings", fallback, description, details);

/** A list of whole numbers. */
export const integers = (fallback: readonly number[], description: string, details?: KeyDetails) =>
  row<readonly number[]>("list of integers", fallback, description, { min: 0, ...details });

/** The values of a table in which nothing is set. */
export function defaultsOf<T extends KeyTable>(keys: T): KeyValues<T> {
  return Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, key.default])) as KeyValues<T>;
}

/** A table inside a table. */
export const table = <T extends KeyTable>(keys: T, description: string): KeyRow<KeyValues<T>> => ({
  ...row<KeyValues<T>>("table", Object.freeze(defaultsOf(keys)), description),
  keys,
});

/** A list of tables, `[[…]]`. */
export const tables = <T extends KeyTable>(
  keys: T,
  description: string,
  details?: KeyDetails,
): KeyRow<readonly KeyValues<T>[]> => ({
  ...row<readonly KeyValues<T>[]>("list of tables", [], description, details),
  keys,
});
