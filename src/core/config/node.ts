import type { TomlDate } from "smol-toml";
import type { Place } from "./source.js";

/** A scalar of TOML. */
export type TomlScalar = string | number | bigint | boolean | TomlDate;

/** A table, and where each of its members stands. */
export interface TableNode {
  readonly kind: "table";
  readonly place: Place;
  readonly members: ReadonlyMap<string, ConfigNode>;
}

/** An array, of scalars or of tables. */
export interface ListNode {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly ConfigNode[];
}

/** A scalar; `text` is how it is written, which tells `1.0` from `1`. */
export interface ValueNode {
  readonly kind: "value";
  readonly place: Place;
  readonly value: TomlScalar;
  readonly text: string;
}

/** A part of a configuration with the place it stands at. */
export type ConfigNode = TableNode | ListNode | ValueNode;

/** The bare value of a node: objects, arrays and scalars. */
export function plainValue(node: ConfigNode): unknown {
  if (node.kind === "value") return node.value;
  if (node.kind === "list") return node.items.map(plainValue);
  return Object.fromEntries([...node.members].map(([key, member]) => [key, plainValue(member)]));
}

/** A member of a table that is itself a table; undefined when it is absent or something else. */
export function memberTable(table: TableNode | undefined, key: string): TableNode | undefined {
  const member = table?.members.get(key);
  return member?.kind === "table" ? member : undefined;
}

const bareKey = /^[A-Za-z0-9_-]+$/;

/** A dotted key as TOML writes it: `hypervisor.qemu.kernel`, `a."b c"`. */
export function formatKey(parts: readonly string[]): string {
  return parts.map((part) => (bareKey.test(part) ? part : JSON.stringify(part))).join(".");
}
