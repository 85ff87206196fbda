import { expect } from "chai";
import fc from "fast-check";
import { plainBytes, plainInteger } from "../../../../src/vmm/snapshot/plain.js";
import { PlainReader } from "../../../../src/vmm/snapshot/plain-reader.js";
import { thrown } from "../../core/sys/fixture.js";

const read = (value: unknown): PlainReader => new PlainReader(JSON.parse(JSON.stringify(value)), "/the/file");

describe("plain data of a saved machine", () => {
  it("gives back what was written", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.bigInt(0n, 2n ** 64n - 1n), (bytes, integer) => {
        const from = read({ bytes: plainBytes(bytes), integer: plainInteger(integer) });
        expect(Array.from(from.field("bytes").bytes(bytes.length))).to.deep.equal(Array.from(bytes));
        expect(from.field("integer").integer(64)).to.equal(integer);
      }),
    );
  });

  it("says what is wrong, and where", () => {
    const from = read({ a: [{ b: "no number" }] });
    expect(() => from.field("a").list(1)[0]?.field("b").number())
      .to.throw("the saved machine /the/file is broken: a[0].b is no whole number from 0 to")
      .with.property("code", "KATA_VMM_SNAPSHOT_STATE");
  });

  it("takes nothing that is not as it has to be", () => {
    const wrong: readonly (readonly [unknown, (from: PlainReader) => unknown])[] = [
      [[], (from) => from.field("a")],
      [null, (from) => from.field("a")],
      [{}, (from) => from.field("toString").text()],
      [{ a: 1 }, (from) => from.list(1)],
      [[1, 2], (from) => from.list(1)],
      [1.5, (from) => from.number()],
      [-1, (from) => from.number()],
      [256, (from) => from.number({ most: 255 })],
      ["1", (from) => from.number()],
      ["", (from) => from.integer(64)],
      ["0x1", (from) => from.integer(64)],
      ["10000000000000000", (from) => from.integer(64)],
      [0, (from) => from.boolean()],
      ["xy", (from) => from.text(1)],
      ["AAA", (from) => from.bytes({ most: 10 })],
      ["AA==", (from) => from.bytes(2)],
      ["AAAA", (from) => from.bytes({ most: 2 })],
      ["A-_A", (from) => from.bytes(3)],
    ];
    for (const [value, take] of wrong) {
      expect(
        thrown(() => take(read(value))),
        `${JSON.stringify(value)} ${String(take)}`,
      ).to.equal("KATA_VMM_SNAPSHOT_STATE");
    }
  });

  it("knows a field that is left out", () => {
    const from = read({ a: null, b: 1 });
    expect([from.optional("a"), from.optional("c"), from.optional("b")?.number()]).to.deep.equal([
      undefined,
      undefined,
      1,
    ]);
  });
});
