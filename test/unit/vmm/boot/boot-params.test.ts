import { expect } from "chai";
import { encodeBootParams } from "../../../../src/vmm/boot/boot-params.js";
import { encodeMemoryMap, memoryMap } from "../../../../src/vmm/boot/e820.js";
import { refusal } from "./refusal.js";

const gib = 2 ** 30;
const setupHeader = Uint8Array.from({ length: 0x26c - 0x1f1 }, () => 0xbb);

describe("the memory map", () => {
  it("has memory below and above what is reserved below 1 MiB, and above 4 GiB", () => {
    const map = memoryMap([
      { address: 4 * gib, size: gib },
      { address: 0, size: 3 * gib },
    ]);
    expect(map).to.deep.equal([
      { address: 0, size: 0x9fc00, kind: "memory" },
      { address: 0x9fc00, size: 0x40400, kind: "reserved" },
      { address: 0xe0000, size: 0x20000, kind: "acpi" },
      { address: 0x100000, size: 3 * gib - 0x100000, kind: "memory" },
      { address: 4 * gib, size: gib, kind: "memory" },
    ]);
    expect(Buffer.from(encodeMemoryMap(map.slice(1, 4))).toString("hex")).to.equal(
      [
        "00fc090000000000000404000000000002000000",
        "00000e0000000000000002000000000003000000",
        "00001000000000000000f0bf0000000001000000",
      ].join(""),
    );
  });

  it("is refused when it has more rows than a kernel is told", () => {
    const stretches = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ address: (4 + index) * gib, size: 4096 }));
    expect(memoryMap(stretches(126))).to.have.length(128);
    refusal("KATA_VMM_MEMORY_MAP", () => memoryMap(stretches(127)));
  });
});

describe("boot_params", () => {
  it("is a page of zeros but for what the kernel is told", () => {
    const map = memoryMap([{ address: 0, size: gib }]);
    const page = Buffer.from(encodeBootParams({ setupHeader, memoryMap: map }));
    expect(page.length).to.equal(4096);
    expect(page.readUInt8(0x1e8)).to.equal(4);
    expect(page.subarray(0x2d0, 0x2d0 + 80).equals(encodeMemoryMap(map))).to.equal(true);
    expect(page.readUInt8(0x210)).to.equal(0xff);
    expect(page.readUInt32LE(0x228)).to.equal(0x20000);
    // No initrd, no ACPI.
    expect([page.readUInt32LE(0x218), page.readUInt32LE(0x21c)]).to.deep.equal([0, 0]);
    // All else of the header is the kernel's, and of the rest nothing is set: least of all the sentinel, 0x1ef.
    for (let at = 0x1f1; at < 0x26c; at++) {
      const ours = at === 0x210 || (at >= 0x218 && at < 0x220) || (at >= 0x228 && at < 0x22c);
      if (!ours) expect(page[at], at.toString(16)).to.equal(0xbb);
    }
    for (const [from, to] of [
      [0, 0x1e8],
      [0x1e9, 0x1f1],
      [0x26c, 0x2d0],
      [0x2d0 + 80, 4096],
    ] as const) {
      expect(page.subarray(from, to).every((byte) => byte === 0)).to.equal(true);
    }
  });

  it("tells where initrd and root pointer are, in halves where there are two", () => {
    const initrd = { address: 0x1_2345_6000, size: 0x2_0000_0001 };
    const page = Buffer.from(encodeBootParams({ setupHeader, memoryMap: [], initrd, acpiRootPointer: 0xe0000 }));
    expect([page.readUInt32LE(0x218), page.readUInt32LE(0xc0)]).to.deep.equal([0x23456000, 1]);
    expect([page.readUInt32LE(0x21c), page.readUInt32LE(0xc4)]).to.deep.equal([1, 2]);
    expect(page.readBigUInt64LE(0x70)).to.equal(0xe0000n);
  });
});
