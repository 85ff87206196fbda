import type { KeyValue } from "../proto/gen/ttrpc/ttrpc.js";

/** Metadata of a received request: lower-case keys, each with its values in the order they came. */
export type Metadata = ReadonlyMap<string, readonly string[]>;

/** Metadata to send. */
export type MetadataInput = Readonly<Record<string, string | readonly string[]>>;

const none: Metadata = new Map();

/** Metadata in the form it has on the wire. Keys become lower case: Go's ttrpc looks them up so. */
export function encodeMetadata(input: MetadataInput): KeyValue[] {
  return Object.entries(input).flatMap(([name, values]) => {
    const key = name.toLowerCase();
    return typeof values === "string" ? [{ key, value: values }] : values.map((value) => ({ key, value }));
  });
}

/** Metadata as handlers see it. */
export function decodeMetadata(pairs: readonly KeyValue[]): Metadata {
  if (pairs.length === 0) return none;
  const metadata = new Map<string, string[]>();
  for (const { key, value } of pairs) {
    const name = key.toLowerCase();
    const values = metadata.get(name);
    if (values === undefined) metadata.set(name, [value]);
    else values.push(value);
  }
  return metadata;
}
