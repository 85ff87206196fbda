import type { NamedExtension } from "./extension.js";
import { agentKeys } from "./keys/agent.js";
import { hypervisorKeys } from "./keys/hypervisor.js";
import { type KeyRow, type KeyTable, strings } from "./keys/key.js";
import { runtimeKeys } from "./keys/runtime.js";
import { noteOf } from "./reference.js";

/** A JSON Schema, of the words that drafts from 6 to 2020-12 have alike: editors of TOML know no others. */
export type JsonSchema = { readonly [word: string]: unknown };

const dialect = "https://json-schema.org/draft/2020-12/schema";

function numberSchema(row: KeyRow, type: "integer" | "number"): JsonSchema {
  const { min, max, powerOfTwo, unset } = row;
  const range = { type, ...(min !== undefined && { minimum: min }), ...(max !== undefined && { maximum: max }) };
  if (powerOfTwo) {
    const powers = Array.from({ length: 53 }, (_, at) => 2 ** at);
    return { enum: [0, ...powers.filter((power) => power >= (min ?? 1) && power <= (max ?? Infinity))] };
  }
  const isOutside = unset === 0 && min !== undefined && min > 0;
  return isOutside ? { anyOf: [{ const: 0 }, range] } : range;
}

function stringSchema({ oneOf, spellings, unset, path }: KeyRow): JsonSchema {
  if (oneOf) {
    const all = [...oneOf, ...Object.keys(spellings ?? {}), ...(unset === "" ? [""] : [])];
    return { enum: [...new Set(all)] };
  }
  return { type: "string", ...(path && { pattern: "^(/|$)" }) };
}

/** What values of a row are taken. What only the loader can tell is left out: regular expressions, files that must exist. */
function valueSchema(row: KeyRow): JsonSchema {
  switch (row.type) {
    case "boolean":
      return { type: "boolean" };
    case "integer":
    case "number":
      return numberSchema(row, row.type);
    case "big integer":
      return { type: "integer", minimum: 0 };
    case "string":
      return stringSchema(row);
    case "list of strings":
      return { type: "array", items: stringSchema(row) };
    case "list of integers":
      return { type: "array", items: numberSchema(row, "integer") };
    case "table":
      return tableSchema(row.keys ?? {}, {}, false);
    case "list of tables":
      return { type: "array", items: tableSchema(row.keys ?? {}, {}, false) };
  }
}

const plain = (value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);

/** The schema of one key: what it takes, what it means, what it is when nothing sets it. */
export function keySchema(row: KeyRow, fallback: unknown = row.default): JsonSchema {
  const isTable = row.type === "table" || row.type === "list of tables";
  return {
    description: row.description + noteOf(row),
    ...valueSchema(row),
    ...(row.deprecated && { deprecated: true }),
    ...(!isTable && fallback !== undefined && { default: plain(fallback) }),
  };
}

function tableSchema(keys: KeyTable, defaults: Readonly<Record<string, unknown>>, open: boolean): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [name, row] of Object.entries(keys)) {
    const schema = keySchema(row, Object.hasOwn(defaults, name) ? defaults[name] : row.default);
    properties[name] = schema;
    for (const alias of row.aliases ?? [])
      properties[alias] = { ...schema, description: `The same as ${name}. ${row.description}` };
    for (const former of Object.keys(row.formerNames ?? {}))
      properties[former] = { ...schema, description: `It is now ${name}.`, deprecated: true };
  }
  return { type: "object", properties, additionalProperties: open };
}

/** The tables of one kind by the names of its plugins; others' tables have core's keys and any besides. */
function kindSchema(kind: string, core: KeyTable, extensions: readonly NamedExtension[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const { name, keys, defaults, open } of extensions.filter((one) => one.kind === kind)) {
    properties[name] = tableSchema({ ...core, ...keys }, defaults ?? {}, open === true);
  }
  return { type: "object", properties, additionalProperties: tableSchema(core, {}, true) };
}

/** Kinds that have no table of their plugins' names: a handler's is `[runtime]`. */
const tableless = new Set(["handler", "hypervisor", "agent"]);

/**
 * The JSON Schema of `configuration.toml`, for editors: every key of core's and of the plugins that `extensions` are of. A
 * file that the runtime takes is valid; one that is valid may still name a file that is not there, or keys that do not go
 * together.
 */
export function renderJsonSchema(extensions: readonly NamedExtension[]): JsonSchema {
  const kinds = [...new Set(extensions.map(({ kind }) => kind))].filter((kind) => !tableless.has(kind)).sort();
  const packages = strings([], "Packages of plugins to load, in the order in which they are registered.");
  return {
    $schema: dialect,
    title: "kata-ts: configuration.toml",
    description: "Made by `kata-ts config --json-schema` of the key tables and of the plugins there are.",
    type: "object",
    properties: {
      plugins: keySchema(packages),
      runtime: tableSchema(runtimeKeys, {}, false),
      hypervisor: kindSchema("hypervisor", hypervisorKeys, extensions),
      agent: kindSchema("agent", agentKeys, extensions),
      ...Object.fromEntries(kinds.map((kind) => [kind, kindSchema(kind, {}, extensions)])),
    },
    additionalProperties: false,
  };
}
