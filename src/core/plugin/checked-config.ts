import type { EffectiveConfig } from "../config/effective.js";
import { formatKey } from "../config/node.js";
import { formatOrigin } from "../config/source.js";
import { pluginErrors } from "./errors.js";
import { formatPluginId } from "./kinds.js";
import type { Registration } from "./registry.js";
import type { SchemaIssue, SchemaResult } from "./standard-schema.js";

/**
 * What configuration says for a plugin, checked by the plugin's schema; `input` in its place when a program gives it.
 * `KATA_PLUGIN_CONFIG` with what is wrong and where it is written, `KATA_PLUGIN_SCHEMA` when it is the schema that fails.
 */
export async function checkedConfig(
  { id, origin, plugin }: Registration,
  config: EffectiveConfig,
  input: unknown,
): Promise<unknown> {
  const { kind, name } = id;
  const table = kind === "handler" ? ["runtime"] : [kind, name];
  const where = input === undefined ? `[${formatKey(table)}]` : "what the program gives";
  const broken = (problem: string, cause?: unknown) =>
    pluginErrors.KATA_PLUGIN_SCHEMA({ id: formatPluginId(id), origin, where, problem }, { cause });
  let result: SchemaResult<unknown>;
  try {
    result = await plugin.config["~standard"].validate(input ?? config.pluginTable(kind, name));
  } catch (error) {
    throw broken("threw an error", error);
  }
  if (typeof result !== "object" || result === null) throw broken(`answered ${String(result)}`);
  if (result.issues === undefined) return result.value;
  if (!Array.isArray(result.issues)) throw broken("answered issues that are no list");
  const issues = result.issues.map((issue: SchemaIssue) =>
    formatIssue(issue, input === undefined ? table : [], config),
  );
  throw pluginErrors.KATA_PLUGIN_CONFIG({ id: formatPluginId(id), origin, where, issues });
}

function formatIssue({ message, path }: SchemaIssue, table: readonly string[], config: EffectiveConfig): string {
  const parts = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
  if (parts.length === 0) return message;
  // A part of a list has no place of its own; the list has.
  const places = parts.map((_, end) => config.origin(formatKey([...table, ...parts.slice(0, parts.length - end)])));
  const written = table.length === 0 ? undefined : places.find(({ kind }) => kind !== "default");
  return `${parts.join(".")}${written === undefined ? "" : ` (${formatOrigin(written)})`}: ${message}`;
}
