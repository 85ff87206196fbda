import { expect } from "chai";
import * as fc from "fast-check";
import { stringifyExact } from "../../../../src/core/oci/convert-json.js";

describe("stringifyExact", () => {
  it("is what JSON.stringify gives where that can", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(stringifyExact(value)).to.equal(JSON.stringify(value));
      }),
    );
  });

  it("writes a bigint as a number", () => {
    expect(stringifyExact({ hard: 2n ** 64n - 1n, soft: [1n] })).to.equal('{"hard":18446744073709551615,"soft":[1]}');
  });

  it("leaves out what is undefined", () => {
    expect(stringifyExact({ a: undefined, b: 1 })).to.equal('{"b":1}');
  });
});
