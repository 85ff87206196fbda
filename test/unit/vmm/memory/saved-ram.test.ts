import { expect } from "chai";
import fc from "fast-check";
import { joinRanges } from "../../../../src/vmm/memory/saved-ram.js";

/** Ranges in order, with something between them. */
const ranges = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 50_000 }), length: fc.integer({ min: 1, max: 50_000 }) }))
  .map((all) => {
    let end = 0;
    return all.map(({ gap, length }) => {
      const offset = end + gap;
      end = offset + length;
      return { offset, length };
    });
  });

describe("ranges of a file that are mapped", () => {
  it("have all of those that they are made of, in whole pages, and gaps no smaller than asked for", () => {
    fc.assert(
      fc.property(
        ranges,
        fc.nat(20).map((pages) => pages * 4096),
        (given, gap) => {
          const joined = joinRanges(given, gap);
          for (const { offset, length } of given) {
            const holder = joined.find((one) => one.offset <= offset && offset + length <= one.offset + one.length);
            expect(holder, `${offset} + ${length}`).to.not.equal(undefined);
          }
          for (const [index, { offset, length }] of joined.entries()) {
            expect([offset % 4096, length % 4096]).to.deep.equal([0, 0]);
            const next = joined[index + 1];
            if (next !== undefined) expect(next.offset - offset - length).to.be.greaterThan(gap);
          }
        },
      ),
    );
  });
});
