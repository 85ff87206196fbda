import { expect } from "chai";
import fc from "fast-check";
import { parse } from "smol-toml";
import { parseDocument } from "../../../../src/core/config/document.js";
import { type ConfigNode, plainValue, type TableNode } from "../../../../src/core/config/node.js";
import type { Source } from "../../../../src/core/config/source.js";
import { KataError } from "../../../../src/core/errors/error.js";
import { tomlDocument } from "./toml-arbitrary.js";

const source = (text: string): Source => ({ kind: "file", name: "/etc/kata.toml", text });
const read = (text: string): TableNode => parseDocument(source(text));

function find(node: ConfigNode | undefined, path: readonly string[]): ConfigNode | undefined {
  const [first, ...rest] = path;
  if (first === undefined || node === undefined) return node;
  if (node.kind === "list") return find(node.items[Number(first)], rest);
  return node.kind === "table" ? find(node.members.get(first), rest) : undefined;
}

/** Lines of every key and item, by dotted path. */
function linesOf(text: string): Record<string, number> {
  const lines: Record<string, number> = {};
  const walk = (node: ConfigNode, path: string): void => {
    if (path !== "") lines[path] = node.place.line;
    const inner = node.kind === "table" ? [...node.members] : node.kind === "list" ? [...node.items.entries()] : [];
    for (const [key, member] of inner) walk(member, path === "" ? String(key) : `${path}.${key}`);
  };
  walk(read(text), "");
  return lines;
}

function failure(text: string): KataError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof KataError) return error;
    throw error;
  }
  throw new Error("the text was taken");
}

function scalarsOf(node: ConfigNode): ConfigNode[] {
  if (node.kind === "table") return [...node.members.values()].flatMap(scalarsOf);
  return node.kind === "list" ? node.items.flatMap(scalarsOf) : [node];
}

describe("parsing a configuration document", () => {
  it("finds keys of tables, dotted keys, inline tables, quoted keys and arrays of tables", () => {
    const text = [
      "top = 1",
      "[a.b] # c = 2",
      "x.y = 1",
      "x.z = { p = 1, q.r = [",
      "  { s = 1 },",
      "  { s = 2 } ] }",
      '"quoted key" = 1',
      "'li.te ral' = 1",
      '"esc\\u0061pe" = 1',
      "[[list]]",
      "n = 1",
      "[list.sub]",
      "m = 1",
      "[[list]]",
      "n = 2",
      "[[list.deep]]",
      "k = 1",
      "[[list.deep]]",
      "k = 2",
    ].join("\n");
    expect(linesOf(text)).to.deep.equal({
      top: 1,
      a: 2,
      "a.b": 2,
      "a.b.x": 3,
      "a.b.x.y": 3,
      "a.b.x.z": 4,
      "a.b.x.z.p": 4,
      "a.b.x.z.q": 4,
      "a.b.x.z.q.r": 4,
      "a.b.x.z.q.r.0": 5,
      "a.b.x.z.q.r.0.s": 5,
      "a.b.x.z.q.r.1": 6,
      "a.b.x.z.q.r.1.s": 6,
      "a.b.quoted key": 7,
      "a.b.li.te ral": 8,
      "a.b.escape": 9,
      list: 10,
      "list.0": 10,
      "list.0.n": 11,
      "list.0.sub": 12,
      "list.0.sub.m": 13,
      "list.1": 14,
      "list.1.n": 15,
      "list.1.deep": 16,
      "list.1.deep.0": 16,
      "list.1.deep.0.k": 17,
      "list.1.deep.1": 18,
      "list.1.deep.1.k": 19,
    });
  });

  it("takes a table's own header for its place, even when a deeper one comes first", () => {
    expect(linesOf("[a.b]\nx = 1\n\n[a]\ny = 2\n")).to.deep.equal({ a: 4, "a.b": 1, "a.b.x": 2, "a.y": 5 });
  });

  it("keeps columns, lengths and the text of values, after a byte order mark and with CRLF", () => {
    const node = find(read("\ufeffa = 1\r\n  bc = 0x_f # c\r\n".replace("_", "")), ["bc"]);
    expect(node).to.include({ kind: "value", value: 15, text: "0xf" });
    expect(node?.place).to.include({ line: 2, column: 3, length: "bc = 0xf".length });
  });

  it("reads integers beyond 2^53 exactly", () => {
    expect(plainValue(read("n = 9223372036854775807"))).to.deep.equal({ n: 9223372036854775807n });
  });

  it("gives every key the line it is written on", () => {
    fc.assert(
      fc.property(tomlDocument, ({ text, lines }) => {
        const root = read(text);
        for (const [path, line] of lines) {
          const node = find(root, path.split("\0"));
          expect(node?.place.line, `${JSON.stringify(path)} in ${JSON.stringify(text)}`).to.equal(line);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("has the parser's values, and beside each scalar the text that gives it", () => {
    fc.assert(
      fc.property(tomlDocument, ({ text }) => {
        const root = read(text);
        const expected = parse(text, { integersAsBigInt: "asNeeded", unsafeKeyBehaviour: "throw" });
        expect(plainValue(root)).to.deep.equal(JSON.parse(JSON.stringify(expected), reviveNumbers(expected)));
        for (const node of scalarsOf(root)) {
          if (node.kind !== "value") continue;
          expect(parse(`k = ${node.text}`, { integersAsBigInt: "asNeeded" })["k"]).to.deep.equal(node.value);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("takes or refuses any text just as the parser does, and never hangs", () => {
    const piece = fc.constantFrom("[", "]", "{", "}", "a", "b.c", "=", '"', "'", '"""', "\\", "\n", ",", "#", " ", "1");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        const parserTakes = succeeds(() => parse(text, { integersAsBigInt: "asNeeded", unsafeKeyBehaviour: "throw" }));
        expect(succeeds(() => read(text))).to.equal(parserTakes);
      }),
      { numRuns: 2000 },
    );
  });

  it("says file, line and reason of a syntax error, and draws the line", () => {
    const error = failure("a = 1\nb = = 2\n");
    expect(error.code).to.equal("KATA_CONFIG_SYNTAX");
    expect(error.message.split("\n")).to.deep.equal([
      "/etc/kata.toml:2: not TOML: invalid value",
      "    2 | b = = 2",
      "      |     ^",
    ]);
  });

  it("refuses a key that is there twice, a deep nest and a prototype", () => {
    expect(failure("[a]\nx = 1\nx = 2").message).to.contain("/etc/kata.toml:3: not TOML: trying to redefine");
    expect(failure(`x = ${"[".repeat(40)}${"]".repeat(40)}`).message).to.contain("nested");
    expect(failure("[a]\n__proto__ = 1").message).to.contain("/etc/kata.toml:2:");
  });
});

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

/** Puts back what JSON cannot carry: the document's own scalars, found by the same path. */
function reviveNumbers(original: unknown) {
  const scalars: unknown[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === "object" && value !== null && !(value instanceof Date)) Object.values(value).forEach(walk);
    else scalars.push(value);
  };
  walk(original);
  let next = 0;
  return (_key: string, value: unknown): unknown =>
    typeof value === "object" && value !== null ? value : scalars[next++];
}
