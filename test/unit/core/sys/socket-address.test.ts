import { expect } from "chai";
import fc from "fast-check";
import { parseVsockAddress, unixAddress, vsockAddress } from "../../../../src/core/sys/socket-address.js";
import { thrown } from "./fixture.js";

const u32 = fc.nat(0xffffffff);

describe("socket addresses", () => {
  it("gives a vsock address back", () => {
    fc.assert(
      fc.property(u32, u32, (cid, port) => {
        expect(parseVsockAddress(vsockAddress({ cid, port }))).to.deep.equal({ cid, port });
      }),
    );
  });

  it("takes no other bytes for a vsock address", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        const isOne = bytes.length >= 12 && bytes[0] === 40 && bytes[1] === 0;
        expect(parseVsockAddress(bytes) !== undefined).to.equal(isOne);
      }),
    );
  });

  it("refuses numbers that do not fit", () => {
    for (const port of [-1, 0x1_0000_0000, 1.5, Number.NaN]) {
      expect(
        thrown(() => vsockAddress({ cid: 2, port })),
        String(port),
      ).to.equal("KATA_SYS_VALUE");
    }
  });

  it("never makes an abstract or a truncated UNIX address", () => {
    expect(unixAddress("/a")).to.deep.equal(Buffer.from([1, 0, 0x2f, 0x61, 0]));
    for (const path of ["", "\0hidden", "/a\0b", `/${"x".repeat(107)}`, "é".repeat(54)]) {
      expect(
        thrown(() => unixAddress(path)),
        path,
      ).to.equal("KATA_SYS_PATH");
    }
    expect(unixAddress(`/${"x".repeat(106)}`)).to.have.length(110);
  });
});
