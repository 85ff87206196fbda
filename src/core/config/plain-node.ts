import type { ConfigNode, TableNode } from "./node.js";
import type { Place, Source } from "./source.js";

/** The place of a source that is one value: its only line. */
export function placeOf(source: Source): Place {
  return { source, line: 1, column: 1, length: Math.max(1, source.text.split("\n", 1)[0]?.length ?? 1) };
}

/** A node of a bare value, all of it at one place; members that are undefined are left out. What TOML cannot hold (null, functions) becomes a string. */
export function nodeOf(value: unknown, place: Place): ConfigNode {
  if (Array.isArray(value)) return { kind: "list", place, items: value.map((item) => nodeOf(item, place)) };
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    const set = Object.entries(value).filter(([, member]) => member !== undefined);
    return { kind: "table", place, members: new Map(set.map(([key, member]) => [key, nodeOf(member, place)])) };
  }
  const isScalar = ["string", "number", "bigint", "boolean"].includes(typeof value);
  const scalar = isScalar ? (value as string | number | bigint | boolean) : String(value);
  return { kind: "value", place, value: scalar, text: String(scalar) };
}

/** A table with one value at a dotted place: `tableOf(["runtime", "name"], node)`. */
export function tableOf(path: readonly string[], node: ConfigNode): TableNode {
  const [first = "", ...rest] = path;
  const member = rest.length === 0 ? node : tableOf(rest, node);
  return { kind: "table", place: node.place, members: new Map([[first, member]]) };
}

/** A table with nothing in it. */
export function emptyTable(place: Place): TableNode {
  return { kind: "table", place, members: new Map() };
}
