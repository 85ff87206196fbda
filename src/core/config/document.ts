import { parse, type TomlError, type TomlTable, type TomlValue } from "smol-toml";
import { configErrors } from "./errors.js";
import { drawFrame } from "./frame.js";
import type { ConfigNode, TableNode } from "./node.js";
import { KeyScanner, type Span } from "./scan-keys.js";
import { formatPlace, type Place, type Source } from "./source.js";

/** Deepest nesting of inline tables and arrays; Kata's files have two. */
const maxDepth = 32;

/** Gives places of a text by offset. */
class LineMap {
  readonly #source: Source;
  readonly #starts = [0];

  constructor(source: Source) {
    this.#source = source;
    for (let at = source.text.indexOf("\n"); at >= 0; at = source.text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  place({ start, end }: { readonly start: number; readonly end: number }): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= start) low = middle;
      else high = middle - 1;
    }
    const lineStart = this.#starts[low] ?? 0;
    const lineEnd = (this.#starts[low + 1] ?? this.#source.text.length + 1) - 1;
    const length = Math.max(1, Math.min(end, lineEnd) - start);
    return { source: this.#source, line: low + 1, column: start - lineStart + 1, length };
  }
}

/** The first line of the parser's message without what it is prefixed with. */
function reasonOf(error: TomlError): string {
  const [first = ""] = error.message.split("\n");
  return first.replace(/^Invalid TOML document: /, "");
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === "object" && Object.getPrototypeOf(value) === null;
}

function toNode(value: TomlValue, at: Span | undefined, parent: Place, source: Source, lines: LineMap): ConfigNode {
  const place = at ? lines.place(at) : parent;
  if (Array.isArray(value)) {
    const items = value.map((item: TomlValue, i) => toNode(item, at?.items[i], place, source, lines));
    return { kind: "list", place, items };
  }
  if (isTable(value)) return toTable(value, at, place, source, lines);
  const text = at ? source.text.slice(at.valueStart, at.end) : "";
  return { kind: "value", place, value, text };
}

function toTable(value: TomlTable, at: Span | undefined, place: Place, source: Source, lines: LineMap): TableNode {
  const members = new Map<string, ConfigNode>();
  for (const [key, member] of Object.entries(value)) {
    members.set(key, toNode(member, at?.members.get(key), place, source, lines));
  }
  return { kind: "table", place, members };
}

/** The parser's error, told from any other by its shape. */
function isTomlError(error: unknown): error is TomlError {
  return error instanceof Error && "line" in error && "column" in error && "codeblock" in error;
}

/**
 * Parses TOML, keeping for every key the line it stands on. Integers above 2^53 come as bigints. `KATA_CONFIG_SYNTAX` with
 * file, line and the offending text when it is not TOML.
 */
export function parseDocument(source: Source): TableNode {
  try {
    const value = parse(source.text, {
      integersAsBigInt: "asNeeded",
      unsafeKeyBehaviour: "throw",
      useLegacyDate: true,
      maxDepth,
    });
    const lines = new LineMap(source);
    return toTable(value, new KeyScanner(source.text).scan(), lines.place({ start: 0, end: 0 }), source, lines);
  } catch (error) {
    if (!isTomlError(error)) throw error;
    const place: Place = { source, line: error.line, column: error.column, length: 1 };
    // No cause: the parser's own message would say the same once more, over several lines.
    throw configErrors.KATA_CONFIG_SYNTAX({
      where: formatPlace(place),
      reason: reasonOf(error),
      frame: drawFrame(place),
    });
  }
}
