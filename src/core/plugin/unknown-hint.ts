import { didYouMean } from "../config/nearest.js";
import { formatSelectionKey } from "./kind-table.js";
import type { KindRef, PluginId, Selection } from "./kinds.js";

/** What may help who has asked for a plugin that is not there, as the end of a sentence. */
export function unknownHint(
  { kind, name }: PluginId,
  registered: readonly PluginId[],
  kinds: { selection(kind: KindRef): Selection },
): string {
  const other = registered.find((id) => id.name === name && id.kind !== kind)?.kind;
  if (other !== undefined) {
    const selection = kinds.selection(other);
    const how = selection.by === "key" ? `, which ${formatSelectionKey(selection.key)} chooses` : "";
    return `; "${name}" is a plugin of the kind ${other}${how}`;
  }
  const names = registered.filter((id) => id.kind === kind).map((id) => id.name);
  return didYouMean(name, names) || `; a package that has it is named in the list "plugins" of the configuration`;
}
