import type { KeyRow } from "./keys/key.js";
import type { ConfigNode } from "./node.js";

/** A value that a key takes, or why it does not take it. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: "KATA_CONFIG_TYPE" | "KATA_CONFIG_VALUE"; readonly problem: string };

const accept = (value: unknown): Checked => ({ ok: true, value });
const wrongType = (problem: string): Checked => ({ ok: false, code: "KATA_CONFIG_TYPE", problem });
const wrongValue = (problem: string): Checked => ({ ok: false, code: "KATA_CONFIG_VALUE", problem });

const largest = 0x7fff_ffff_ffff_ffffn;

/** What a node is, for people. */
function describe(node: ConfigNode): string {
  if (node.kind === "table") return "a table";
  if (node.kind === "list") return "a list";
  if (typeof node.value === "string") return `the string ${JSON.stringify(node.value)}`;
  if (typeof node.value === "boolean") return `the boolean ${node.text}`;
  if (node.value instanceof Date) return `the date ${node.text}`;
  return `the number ${node.text}`;
}

const articles: Record<string, string> = { integer: "a whole number", "big integer": "a whole number" };

function typeProblem(row: KeyRow, node: ConfigNode): Checked {
  return wrongType(`is ${describe(node)}; it takes ${articles[row.type] ?? `a ${row.type}`}`);
}

function rangeOf({ min, max, unit, powerOfTwo }: KeyRow): string {
  const suffix = unit === undefined ? "" : ` ${unit}`;
  const zero = powerOfTwo && min !== undefined && min > 0 ? "0 or " : "";
  const kind = powerOfTwo ? "a power of two" : "";
  const from = min === undefined ? "" : `from ${min}${suffix}`;
  const to = max === undefined ? "" : `${from === "" ? "at most" : " to"} ${max}${suffix}`;
  return `${zero}${kind}${kind === "" || from + to === "" ? "" : " "}${from}${to}`;
}

function checkNumber(row: KeyRow, value: number, text: string): Checked {
  if (value === row.unset || (row.powerOfTwo && value === 0)) return accept(value);
  const isPower = !row.powerOfTwo || (value > 0 && Number.isInteger(Math.log2(value)));
  const inRange = value >= (row.min ?? -Infinity) && value <= (row.max ?? Infinity);
  return isPower && inRange ? accept(value) : wrongValue(`is ${text}; it takes ${rangeOf(row)}`);
}

function checkString(row: KeyRow, value: string): Checked {
  if (value === row.unset) return accept(value);
  const meant = row.spellings && Object.hasOwn(row.spellings, value) ? (row.spellings[value] ?? value) : value;
  if (row.oneOf && !row.oneOf.includes(meant)) {
    const all = row.oneOf.map((one) => JSON.stringify(one)).join(", ");
    return wrongValue(`is ${JSON.stringify(value)}; it takes one of ${all}`);
  }
  if (row.path && meant !== "" && !meant.startsWith("/")) {
    return wrongValue(`is ${JSON.stringify(value)}; it takes an absolute path`);
  }
  if (meant.includes("\0")) return wrongValue("has a NUL character in it");
  return accept(meant);
}

/** A pattern that must match a whole name; undefined when it is no regular expression. */
export function wholePattern(pattern: string): RegExp | undefined {
  try {
    // Alone first: `a)|(b` is none, yet would be one inside the group.
    const alone = new RegExp(pattern);
    return new RegExp(`^(?:${alone.source})$`);
  } catch {
    return undefined;
  }
}

function checkList(row: KeyRow, items: readonly ConfigNode[]): Checked {
  const values: unknown[] = [];
  for (const [i, item] of items.entries()) {
    const isString = row.type === "list of strings";
    const itemRow: KeyRow = { ...row, type: isString ? "string" : "integer" };
    const checked = checkValue(itemRow, item);
    if (!checked.ok) return { ...checked, problem: `item ${i + 1} ${checked.problem}` };
    if (row.patterns && wholePattern(String(checked.value)) === undefined) {
      return wrongValue(`item ${i + 1} is ${JSON.stringify(checked.value)}, which is not a regular expression`);
    }
    values.push(checked.value);
  }
  return accept(Object.freeze(values));
}

/** Whether a number is written as one with a fraction or an exponent. */
const isFloat = (text: string) => /[.]|inf|nan/i.test(text) || (!/^[+-]?0x/i.test(text) && /e/i.test(text));

/** Checks a scalar or a list against the row of its key. Tables are checked by `checkTable`. */
export function checkValue(row: KeyRow, node: ConfigNode): Checked {
  if (row.type === "list of strings" || row.type === "list of integers") {
    return node.kind === "list" ? checkList(row, node.items) : typeProblem(row, node);
  }
  if (node.kind !== "value") return typeProblem(row, node);
  const { value, text } = node;
  switch (row.type) {
    case "boolean":
      return typeof value === "boolean" ? accept(value) : typeProblem(row, node);
    case "string":
      return typeof value === "string" ? checkString(row, value) : typeProblem(row, node);
    case "integer":
      if (typeof value === "bigint") return wrongValue(`is ${value}; it takes at most ${Number.MAX_SAFE_INTEGER}`);
      return typeof value === "number" && !isFloat(text) ? checkNumber(row, value, text) : typeProblem(row, node);
    case "big integer": {
      const isWhole = typeof value === "bigint" || (typeof value === "number" && !isFloat(text));
      if (!isWhole) return typeProblem(row, node);
      const big = BigInt(value);
      return big >= 0n && big <= largest ? accept(big) : wrongValue(`is ${big}; it takes 0 to ${largest}`);
    }
    case "number":
      if (typeof value !== "number") return typeProblem(row, node);
      return Number.isFinite(value)
        ? checkNumber(row, value, text)
        : wrongValue(`is ${text}; it takes a finite number`);
    default:
      return typeProblem(row, node);
  }
}
