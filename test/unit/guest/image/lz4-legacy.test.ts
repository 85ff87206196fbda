import { expect } from "chai";
import * as fc from "fast-check";
import { unpackLz4Legacy } from "../../../../guest/image/lz4-legacy.js";

/** A frame of these blocks. */
function frame(...blocks: Buffer[]): Buffer {
  const parts = blocks.flatMap((block) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    return [size, block];
  });
  return Buffer.concat([Buffer.from([0x02, 0x21, 0x4c, 0x18]), ...parts]);
}

function lengthBytes(rest: number): number[] {
  return [...Array<number>(Math.floor(rest / 255)).fill(255), rest % 255];
}

/** A sequence of literals, and of a match unless it is the last. */
function sequence(literals: Uint8Array, match?: { offset: number; length: number }): Buffer {
  const more = match === undefined ? 0 : match.length - 4;
  const token = (Math.min(literals.length, 15) << 4) | Math.min(more, 15);
  const bytes = [token, ...(literals.length >= 15 ? lengthBytes(literals.length - 15) : []), ...literals];
  if (match !== undefined) {
    bytes.push(match.offset & 255, match.offset >> 8, ...(more >= 15 ? lengthBytes(more - 15) : []));
  }
  return Buffer.from(bytes);
}

describe("unpackLz4Legacy", () => {
  it("unpacks literals of any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (data) => {
        const packed = frame(sequence(data));
        expect([...unpackLz4Legacy(packed, data.length)]).to.deep.equal([...data]);
      }),
    );
  });

  it("repeats what a match points at, and what the match itself makes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 4, max: 700 }),
        (literals, seed, length) => {
          const offset = (seed % literals.length) + 1;
          const expected = [...literals];
          for (let done = 0; done < length; done++) expected.push(expected[expected.length - offset] ?? 0);
          const block = Buffer.concat([sequence(literals, { offset, length }), sequence(new Uint8Array())]);
          expect([...unpackLz4Legacy(frame(block), expected.length)]).to.deep.equal(expected);
        },
      ),
    );
  });

  it("goes on from one block to the next", () => {
    const size = 8 << 20;
    const first = Buffer.concat([
      sequence(Buffer.from("a"), { offset: 1, length: size - 1 }),
      sequence(Buffer.alloc(0)),
    ]);
    const unpacked = unpackLz4Legacy(frame(first, sequence(Buffer.from("end"))), size + 3);
    expect(unpacked.toString("latin1", size - 2)).to.equal("aaend");
  });

  it("refuses what leaves its bounds, with an error of ours", () => {
    const bad = [
      Buffer.alloc(0),
      Buffer.from("nothing"),
      frame(sequence(Buffer.from("abc"), { offset: 4, length: 4 })),
      frame(sequence(Buffer.from("abc"), { offset: 0, length: 4 })),
      frame(sequence(Buffer.from("too long for it"))),
      frame(Buffer.from([0xf0, 0xff])),
      frame(sequence(Buffer.from("ab"))).subarray(0, 9),
    ];
    for (const packed of bad) {
      expect(() => unpackLz4Legacy(packed, 5), packed.toString("hex"))
        .to.throw()
        .with.property("code", "KATA_GUEST_IMAGE_FORMAT");
    }
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (data) => {
        try {
          unpackLz4Legacy(frame(Buffer.from(data)), 64);
        } catch (error) {
          expect(error).to.have.property("code", "KATA_GUEST_IMAGE_FORMAT");
        }
      }),
    );
  });
});
