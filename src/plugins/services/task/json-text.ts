import { taskErrors } from "./errors.js";

const space = /[ \t\n\r]*/y;
const token =
  /([{}[\]:,])|("(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/** What may come next: a value (or the end of an empty list), a key (or the end of an empty object), and so on. */
type Expectation = "value" | "value or ]" | "key" | "key or }" | ":" | ", or ]" | ", or }" | "the end";

interface JsonFault {
  readonly offset: number;
  readonly problem: string;
}

/** Where a text stops being JSON. V8 names the place only for some errors. */
function findFault(text: string): JsonFault {
  const open: string[] = [];
  let expected: Expectation = "value";
  let offset = 0;
  const afterValue = (): Expectation => (open.length === 0 ? "the end" : open.at(-1) === "{" ? ", or }" : ", or ]");
  for (;;) {
    space.lastIndex = offset;
    offset += space.exec(text)?.[0].length ?? 0;
    const here = { offset, problem: `expected ${expected}, found ${describe(text, offset)}` };
    token.lastIndex = offset;
    const match = token.exec(text);
    if (match === null) return here;
    const [whole, mark, string] = match;
    const control = (string ?? "").split("").findIndex((character) => character < " ");
    if (control >= 0) return { offset: offset + control, problem: "a control character in a string" };
    if (mark === "{" || mark === "[") {
      if (!expected.startsWith("value")) return here;
      open.push(mark);
      expected = mark === "{" ? "key or }" : "value or ]";
    } else if (mark === "}" || mark === "]") {
      if (!expected.endsWith(mark)) return here;
      open.pop();
      expected = afterValue();
    } else if (mark === ",") {
      if (!expected.startsWith(",")) return here;
      expected = open.at(-1) === "{" ? "key" : "value";
    } else if (mark === ":") {
      if (expected !== ":") return here;
      expected = "value";
    } else if (expected.startsWith("key")) {
      if (string === undefined) return here;
      expected = ":";
    } else {
      if (!expected.startsWith("value")) return here;
      expected = afterValue();
    }
    offset += whole.length;
  }
}

function describe(text: string, offset: number): string {
  const rest = text.slice(offset, offset + 16);
  return rest === "" ? "the end of the text" : JSON.stringify(rest);
}

/**
 * Parses JSON. Members that are `null` are left out: that is how Go writes what is absent. `KATA_JSON_SYNTAX` names the
 * line and column (from 1) of the first fault; `what` is the text's name in it.
 */
export function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown) => value ?? undefined);
  } catch (error) {
    const { offset, problem } = findFault(text);
    const before = text.slice(0, offset);
    const line = before.split("\n").length;
    const column = offset - before.lastIndexOf("\n");
    throw taskErrors.KATA_JSON_SYNTAX({ what, line, column, problem }, { cause: error });
  }
}
