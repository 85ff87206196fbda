import type { DeprecatedUse } from "../deprecation.js";
import { checkValue } from "./check-value.js";
import { formerKeys } from "./keys/former-keys.js";
import { defaultsOf, type KeyRow, type KeyTable } from "./keys/key.js";
import { didYouMean } from "./nearest.js";
import { type ConfigNode, formatKey, plainValue, type TableNode } from "./node.js";
import type { Report } from "./report.js";
import { formatPlace, type Place } from "./source.js";

/** What a table may hold. */
export interface TableRules {
  readonly keys: KeyTable;
  /** Values in place of the rows' own defaults. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
  /** Keys that no row names are taken as they are, for a plugin that checks them itself. */
  readonly open: boolean;
}

/** What checking finds beside the values: what is wrong, where each value that is set stands, by dotted key, what is to go. */
export interface Findings {
  readonly report: Report;
  readonly places: Map<string, Place>;
  readonly deprecated: DeprecatedUse[];
}

function unknownKey(path: readonly string[], name: string, keys: KeyTable): string {
  const former = formerKeys[path[0] ?? ""] ?? {};
  if (Object.hasOwn(former, name)) return `is not a key here: ${former[name] ?? ""}`;
  return `is not a known key${didYouMean(name, Object.keys(keys))}`;
}

/** The rows of a table by every name Kata accepts for them. */
function rowNames(keys: KeyTable): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, row] of Object.entries(keys))
    for (const one of [name, ...(row.aliases ?? []), ...Object.keys(row.formerNames ?? {})]) names.set(one, name);
  return names;
}

function checkMember(
  path: readonly string[],
  row: KeyRow,
  fallback: unknown,
  node: ConfigNode,
  found: Findings,
): unknown {
  const key = formatKey(path);
  found.places.set(key, node.place);
  const rules: TableRules = { keys: row.keys ?? {}, open: false };
  if (row.type === "table" && node.kind === "table") return checkTable(path, rules, node, found);
  if (row.type === "list of tables" && node.kind === "list") {
    const items = node.items.map((item, i) => {
      if (item.kind === "table") return checkTable([...path, String(i)], rules, item, found);
      found.report.add("KATA_CONFIG_TYPE", key, `item ${i + 1} is not a table`, item.place);
      return fallback;
    });
    return Object.freeze(items);
  }
  const checked = checkValue(row, node);
  if (checked.ok) return row.unset !== undefined && checked.value === row.unset ? fallback : checked.value;
  found.report.add(checked.code, key, checked.problem, node.place, row.secret === true);
  return fallback;
}

/**
 * Checks a table, absent or not, against its rules: the result has every key, each of its row's type and range. All that is
 * wrong goes to the report; the value is then the default.
 */
export function checkTable(
  path: readonly string[],
  rules: TableRules,
  node: TableNode | undefined,
  found: Findings,
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = { ...defaultsOf(rules.keys), ...rules.defaults };
  const names = rowNames(rules.keys);
  const written = new Map<string, string>();
  for (const [name, member] of node?.members ?? []) {
    const canonical = names.get(name);
    const row = canonical === undefined ? undefined : rules.keys[canonical];
    if (canonical === undefined || row === undefined) {
      if (rules.open) {
        values[name] = plainValue(member);
        found.places.set(formatKey([...path, name]), member.place);
      } else {
        const problem = unknownKey(path, name, rules.keys);
        found.report.add("KATA_CONFIG_UNKNOWN_KEY", formatKey([...path, name]), problem, member.place);
      }
      continue;
    }
    const other = written.get(canonical);
    if (other !== undefined) {
      const problem = `is the same key as ${other}; set one of them`;
      found.report.add("KATA_CONFIG_VALUE", formatKey([...path, name]), problem, member.place);
    }
    written.set(canonical, name);
    const deprecation =
      row.formerNames && Object.hasOwn(row.formerNames, name) ? row.formerNames[name] : row.deprecated;
    if (deprecation) {
      const what = `the key ${formatKey([...path, name])}`;
      found.deprecated.push({ ...deprecation, what, where: formatPlace(member.place) });
    }
    values[canonical] = checkMember([...path, canonical], row, values[canonical], member, found);
  }
  return Object.freeze(values);
}
