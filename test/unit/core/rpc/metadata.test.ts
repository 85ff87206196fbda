import { expect } from "chai";
import { decodeMetadata, encodeMetadata } from "../../../../src/core/rpc/metadata.js";

describe("metadata", () => {
  it("is sent with lower-case keys, a pair for every value", () => {
    expect(encodeMetadata({ "Ns-Key": "a", many: ["b", "c"], none: [] })).to.deep.equal([
      { key: "ns-key", value: "a" },
      { key: "many", value: "b" },
      { key: "many", value: "c" },
    ]);
  });

  it("is received with lower-case keys, the values of one key together", () => {
    const pairs = [
      { key: "NS", value: "a" },
      { key: "__proto__", value: "b" },
      { key: "ns", value: "c" },
    ];
    expect([...decodeMetadata(pairs)]).to.deep.equal([
      ["ns", ["a", "c"]],
      ["__proto__", ["b"]],
    ]);
  });
});
