import { expect } from "chai";
import { mmioRegister } from "../../../../../src/vmm/virtio/mmio-registers.js";
import { BalloonDevice } from "../../../../../src/vmm/virtio/balloon/balloon-device.js";
import { data, DrivenDevice, memorySize } from "../../../../support/vmm/driven-device.js";
import { thrown } from "../../../core/sys/fixture.js";

const pages = memorySize / 4096;

function balloon() {
  const discarded: [number, number][] = [];
  const sizes: number[] = [];
  const device = new BalloonDevice({
    discard: (address, length) => {
      driven.memory.slice(address, length).fill(0);
      discarded.push([address, length]);
    },
    reporting: true,
    deflateOnOom: true,
    onResized: (bytes) => sizes.push(bytes),
  });
  const driven: DrivenDevice = new DrivenDevice(device);
  driven.start();
  const name = (queue: number, numbers: readonly number[]): void => {
    for (const [at, number] of numbers.entries()) driven.memory.writeU32(data + 4 * at, number);
    driven.send(queue, [{ address: data, length: 4 * numbers.length }]);
  };
  return { device, driven, discarded, sizes, name };
}

describe("the balloon", () => {
  it("gives pages back that go into it, neighbours together", () => {
    const { driven, discarded, name } = balloon();
    name(0, [100, 101, 102, 110, 109, 108, 120, 0x100000]);
    expect(discarded).to.deep.equal([
      [100 * 4096, 3 * 4096],
      [108 * 4096, 3 * 4096],
      [120 * 4096, 4096],
      [0x100000 * 4096, 4096],
    ]);
    expect(driven.queue(0).collect()).to.have.length(1);
    expect(driven.interrupts).to.equal(1);
  });

  it("has nothing to do for pages that come out of it", () => {
    const { driven, discarded, name } = balloon();
    name(1, [100, 101]);
    expect(discarded).to.deep.equal([]);
    expect(driven.queue(1).collect()).to.have.length(1);
  });

  it("gives free pages back that the guest reports, whole ones only", () => {
    const { driven, discarded } = balloon();
    driven.send(2, [
      { address: 0x80000, length: 0x10000, write: true },
      { address: 0xa0001, length: 0x2fff, write: true },
      { address: 0xb0001, length: 4096, write: true },
      { address: 0x100000000, length: 0x10000, write: true },
    ]);
    expect(discarded).to.deep.equal([
      [0x80000, 0x10000],
      [0xa1000, 0x2000],
      [0x100000000, 0x10000],
    ]);
    expect(driven.queue(2).collect()).to.have.length(1);
  });

  const wrong: [string, number, readonly number[], number][] = [
    ["a page that is none of its memory", 0, [1, pages], 4],
    ["pages that begin in its memory and end outside of it", 1, [pages - 1, pages], 4],
    ["half a number", 0, [1], 2],
  ];
  for (const [what, queue, numbers, last] of wrong) {
    it(`needs a reset after ${what}`, () => {
      const { driven } = balloon();
      for (const [at, number] of numbers.entries()) driven.memory.writeU32(data + 4 * at, number);
      driven.send(queue, [{ address: data, length: 4 * numbers.length - 4 + last }]);
      expect(driven.needsReset).to.equal(true);
    });
  }

  it("needs a reset after more pages than any driver names at once", () => {
    const { driven } = balloon();
    driven.send(1, [{ address: data, length: 16388 }]);
    expect(driven.needsReset).to.equal(true);
    expect(driven.lines.join()).to.include("names pages in 16388 bytes");
  });

  it("asks the guest for a size, and hears how large it is", () => {
    const { device, driven, sizes } = balloon();
    device.target = 5 * 4096;
    expect(device.target).to.equal(5 * 4096);
    expect([driven.interrupts, driven.read(mmioRegister.interruptStatus)]).to.deep.equal([1, 2]);
    expect(driven.read(mmioRegister.config)).to.equal(5);
    driven.write(mmioRegister.config + 4, 3);
    driven.write(mmioRegister.config, 77);
    void driven.transport.write(mmioRegister.config + 4, Uint8Array.of(1));
    expect([device.actual, device.target]).to.deep.equal([3 * 4096, 5 * 4096]);
    expect(sizes).to.deep.equal([3 * 4096]);
    driven.reset();
    expect(device.actual).to.equal(0);
    for (const bytes of [-4096, 100, 2 ** 44]) {
      expect(thrown(() => (device.target = bytes))).to.equal("KATA_VMM_BALLOON_TARGET");
    }
  });

  it("has no queue of reports unless it is to have one", () => {
    const options = { discard: () => undefined, deflateOnOom: false };
    expect(new BalloonDevice({ ...options, reporting: false }))
      .to.include({ features: 0n })
      .and.have.nested.property("queueSizes.length", 2);
    expect(new BalloonDevice({ ...options, reporting: true }).features).to.equal(1n << 5n);
  });
});
