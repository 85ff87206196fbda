import { expect } from "chai";
import fc from "fast-check";
import { swapBytes } from "../../../../src/core/swap/guest-swap.js";
import { leastSwapBytes, pageBytes, swapHead } from "../../../../src/core/swap/swap-head.js";

describe("the head of a swap area", () => {
  it("is what Linux reads there: a version, the last page, no bad ones, and the magic word at the end of the page", () => {
    const most = 2 ** 32 - 1;
    fc.assert(
      fc.property(fc.integer({ min: leastSwapBytes / pageBytes, max: most }), (pages) => {
        const head = swapHead(pages * pageBytes);
        expect(head).to.have.length(4096);
        expect([head.readUInt32LE(1024), head.readUInt32LE(1028), head.readUInt32LE(1032)]).to.deep.equal([
          1,
          pages - 1,
          0,
        ]);
        expect(head.toString("latin1", 4086)).to.equal("SWAPSPACE2");
        expect(head.subarray(0, 1024).every((byte) => byte === 0)).to.equal(true);
        expect(head.subarray(1052, 4086).every((byte) => byte === 0)).to.equal(true);
      }),
    );
  });

  it("has a name of its own each time", () => {
    const [one, other] = [1, 2].map(() => swapHead(leastSwapBytes).toString("hex", 1036, 1052));
    expect(one)
      .to.match(/^.{12}4.{3}[89ab]/)
      .and.not.equal(other);
  });
});

describe("the size of a guest's swap", () => {
  it("is so much of the memory, in whole pages, never more", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 24 }), fc.integer({ min: 1, max: 1000 }), (memoryMiB, percent) => {
        const exact = (memoryMiB * 2 ** 20 * percent) / 100;
        const bytes = swapBytes(memoryMiB, percent);
        expect(bytes % pageBytes).to.equal(0);
        expect(bytes)
          .to.be.at.most(exact)
          .and.greaterThan(exact - pageBytes);
      }),
    );
  });
});
