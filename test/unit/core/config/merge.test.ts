import { expect } from "chai";
import fc from "fast-check";
import { mergeTables } from "../../../../src/core/config/merge.js";
import { plainValue, type TableNode } from "../../../../src/core/config/node.js";
import { nodeOf, placeOf } from "../../../../src/core/config/plain-node.js";

const tableOf = (name: string, value: object): TableNode => {
  const node = nodeOf(value, placeOf({ kind: "file", name, text: "x" }));
  if (node.kind !== "table") throw new Error("not a table");
  return node;
};

/** Trees in which a name says whether it is a table (upper case) or a value, so that any two agree about it. */
const tree = fc.letrec<{ table: Record<string, unknown> }>((tie) => ({
  table: fc
    .record(
      {
        a: fc.integer(),
        b: fc.array(fc.integer(), { maxLength: 3 }),
        T: fc.oneof({ depthSize: "small" }, fc.constant({}), tie("table")),
        U: fc.oneof({ depthSize: "small" }, fc.constant({}), tie("table")),
      },
      { requiredKeys: [] },
    )
    .map((value) => ({ ...value })),
})).table;

describe("merging tables", () => {
  it("merges tables deeply and replaces scalars and arrays", () => {
    const base = tableOf("base", { t: { a: 1, b: [1, 2], c: { d: 1 } }, s: "x" });
    const later = tableOf("later", { t: { b: [3], c: { e: 2 } }, u: true });
    const merged = mergeTables(base, later);
    expect(plainValue(merged)).to.deep.equal({ t: { a: 1, b: [3], c: { d: 1, e: 2 } }, s: "x", u: true });
    expect(plainValue(base)).to.deep.equal({ t: { a: 1, b: [1, 2], c: { d: 1 } }, s: "x" });
  });

  it("keeps the place of each value", () => {
    const merged = mergeTables(tableOf("base", { a: 1, b: 1 }), tableOf("later", { b: 2 }));
    const names = [...merged.members].map(([key, node]) => `${key} ${node.place.source.name}`);
    expect(names).to.deep.equal(["a base", "b later"]);
  });

  it("lets a later table replace a scalar, and a later scalar a table", () => {
    const merged = mergeTables(tableOf("base", { a: 1, t: { x: 1 } }), tableOf("later", { a: { y: 1 }, t: 2 }));
    expect(plainValue(merged)).to.deep.equal({ a: { y: 1 }, t: 2 });
  });

  it("is associative where the documents agree what is a table", () => {
    fc.assert(
      fc.property(tree, tree, tree, (a, b, c) => {
        const [x, y, z] = [tableOf("a", a), tableOf("b", b), tableOf("c", c)];
        expect(mergeTables(mergeTables(x, y), z)).to.deep.equal(mergeTables(x, mergeTables(y, z)));
      }),
    );
  });

  it("changes nothing when merged with nothing or with itself", () => {
    fc.assert(
      fc.property(tree, (a) => {
        const x = tableOf("a", a);
        expect(mergeTables(x, tableOf("b", {}))).to.deep.equal(x);
        expect(mergeTables(x, x)).to.deep.equal(x);
      }),
    );
  });
});
