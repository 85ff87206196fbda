import { expect } from "chai";
import fc from "fast-check";
import { MmioSlot } from "../../../../src/vmm/virtio/mmio-slot.js";

const word = (slot: MmioSlot, offset: number): number => {
  const into = new Uint8Array(4).fill(0xff);
  slot.read(offset, into);
  return new DataView(into.buffer).getUint32(0, true);
};

describe("a slot for a memory-mapped virtio device", () => {
  it("is a placeholder while it is empty: DeviceID is 0", () => {
    const slot = new MmioSlot();
    expect([0, 4, 8, 0x70].map((offset) => word(slot, offset))).to.deep.equal([0x74726976, 2, 0, 0]);
  });

  it("has nothing else to read, and swallows what is written", () => {
    fc.assert(
      fc.property(fc.nat(0xfff), fc.constantFrom(1, 2, 4, 8), (offset, length) => {
        const slot = new MmioSlot();
        const bytes = new Uint8Array(length).fill(0xff);
        expect(slot.write(offset, bytes)).to.equal(undefined);
        slot.read(offset, bytes);
        if (length !== 4 || (offset !== 0 && offset !== 4)) expect([...bytes]).to.deep.equal(Array(length).fill(0));
      }),
    );
  });

  it("answers as its device, and is empty again", () => {
    const slot = new MmioSlot();
    const calls: string[] = [];
    const later = Promise.resolve();
    slot.plug({
      read: (offset, into) => {
        calls.push(`read ${offset}`);
        into.fill(7);
      },
      write: (offset) => {
        calls.push(`write ${offset}`);
        return later;
      },
    });
    expect([slot.isEmpty, word(slot, 8)]).to.deep.equal([false, 0x07070707]);
    expect(slot.write(0x70, new Uint8Array(4))).to.equal(later);
    expect(() => slot.plug({ read: () => undefined, write: () => undefined })).to.throw("already");
    slot.unplug();
    expect([slot.isEmpty, word(slot, 8)]).to.deep.equal([true, 0]);
    expect(calls).to.deep.equal(["read 8", "write 112"]);
  });
});
