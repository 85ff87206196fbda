import { expect } from "chai";
import fc from "fast-check";
import { gather, lengthOf, scatter } from "../../../../src/vmm/virtio/pieces.js";

const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });

describe("pieces of memory", () => {
  it("are read as if they were one", () => {
    fc.assert(
      fc.property(pieces, fc.nat(60), fc.nat(60), (list, offset, length) => {
        const into = Buffer.alloc(length);
        const whole = Buffer.concat(list).subarray(offset, offset + length);
        expect(gather(list, offset, into)).to.equal(whole.length);
        expect(into.subarray(0, whole.length).equals(whole)).to.equal(true);
        expect(lengthOf(list)).to.equal(Buffer.concat(list).length);
      }),
    );
  });

  it("are written as if they were one", () => {
    fc.assert(
      fc.property(pieces, fc.nat(60), fc.uint8Array({ maxLength: 60 }), (list, offset, bytes) => {
        const expected = Buffer.concat(list);
        const room = expected.subarray(offset);
        const copied = Math.min(room.length, bytes.length);
        room.set(bytes.subarray(0, copied));
        expect(scatter(list, offset, bytes)).to.equal(copied);
        expect(Buffer.concat(list).equals(expected)).to.equal(true);
      }),
    );
  });
});
