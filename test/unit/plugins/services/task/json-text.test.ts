import { expect } from "chai";
import fc from "fast-check";
import { KataError } from "../../../../../src/core/errors/error.js";
import { parseJson } from "../../../../../src/plugins/services/task/json-text.js";

function fault(text: string): string {
  try {
    parseJson("it", text);
  } catch (error) {
    if (error instanceof KataError && error.code === "KATA_JSON_SYNTAX") return error.message;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was taken as JSON`);
}

describe("parseJson", () => {
  it("reads what JSON.parse reads, without members that are null", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const expected: unknown = JSON.parse(JSON.stringify(value), (_key, one: unknown) => one ?? undefined);
        expect(parseJson("it", JSON.stringify(value))).to.deep.equal(expected);
      }),
    );
    expect(parseJson("it", '{"a":null,"b":1}')).to.deep.equal({ b: 1 });
  });

  it("names the place and what was expected there", () => {
    expect(fault("")).to.contain("line 1, column 1: expected value, found the end of the text");
    expect(fault("{\n  a: 1}")).to.contain('line 2, column 3: expected key or }, found "a: 1}"');
    expect(fault('{"a" 1}')).to.contain("column 6: expected :");
    expect(fault('{"a": 1,}')).to.contain("column 9: expected key");
    expect(fault("[1 2]")).to.contain("column 4: expected , or ]");
    expect(fault("[1]]")).to.contain("column 4: expected the end");
    expect(fault("[01]")).to.contain("column 3: expected , or ]");
    expect(fault('["\\x"]')).to.contain("column 2: expected value or ]");
    expect(fault('["a\tb"]')).to.contain("column 4: a control character in a string");
    expect(fault('{"a":\u00a01}')).to.contain("column 6");
    expect(fault("[}")).to.contain("column 2");
    expect(fault("nul")).to.contain("column 1");
  });

  it("finds a fault exactly when JSON.parse does, in any text", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"\\"',
      '"',
      "1",
      "-",
      "0",
      ".5",
      "e3",
      "true",
      "nul",
      " ",
      "\n",
      "\\",
      "\t",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) parseJson("it", text);
        else fault(text);
      }),
      { numRuns: 2000 },
    );
  });
});
