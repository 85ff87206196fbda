import { createHash } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { sha256 } from "../../../../src/bin/shim/sha256.js";

describe("sha256", () => {
  it("is what node:crypto computes, for every length around the block's", () => {
    for (let length = 0; length < 200; length++) {
      const text = "x".repeat(length);
      expect(sha256(text)).to.equal(createHash("sha256").update(text).digest("hex"));
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        expect(sha256(text)).to.equal(createHash("sha256").update(new TextEncoder().encode(text)).digest("hex"));
      }),
    );
  });
});
