import type { ConfigNode, TableNode } from "./node.js";

/**
 * `base` with `later` laid over it: tables are merged deeply, scalars and arrays replaced; whatever remains keeps its place.
 * Neither argument is changed.
 */
export function mergeTables(base: TableNode, later: TableNode): TableNode {
  const members = new Map<string, ConfigNode>(base.members);
  for (const [key, node] of later.members) {
    const old = members.get(key);
    members.set(key, old?.kind === "table" && node.kind === "table" ? mergeTables(old, node) : node);
  }
  return { ...base, members };
}
