import { expect } from "chai";
import { mmioRegister } from "../../../../../src/vmm/virtio/mmio-registers.js";
import { MemDevice } from "../../../../../src/vmm/virtio/mem/mem-device.js";
import { data, DrivenDevice } from "../../../../support/vmm/driven-device.js";
import { thrown } from "../../../core/sys/fixture.js";

const base = 0x100000000;
const block = 4096;
const [done, refused, wrong] = [0, 1, 3];
const [plug, unplug, unplugAll, state] = [0, 1, 2, 3];

function memory() {
  const discarded: [number, number][] = [];
  const sizes: number[] = [];
  const device = new MemDevice({
    address: base,
    size: 16 * block,
    blockSize: block,
    discard: (address, length) => discarded.push([address, length]),
    onResized: (bytes) => sizes.push(bytes),
  });
  const driven = new DrivenDevice(device).start();
  /** The kind of the answer, and the state when there is one. */
  const ask = (kind: number, first = 0, count = 1, address = base + first * block): [number, number] => {
    driven.memory.writeU16(data, kind);
    driven.memory.writeU64(data + 8, address);
    driven.memory.writeU16(data + 16, count);
    driven.memory.slice(data + 64, 10).fill(0xff);
    const head = driven.send(0, [
      { address: data, length: 24 },
      { address: data + 64, length: 10, write: true },
    ]);
    expect(driven.queue(0).collect()).to.deep.equal([{ head, written: 10 }]);
    return [driven.memory.readU16(data + 64), driven.memory.readU16(data + 72)];
  };
  const config = (at: number): number => driven.read(mmioRegister.config + at);
  return { device, driven, discarded, sizes, ask, config };
}

describe("memory to plug", () => {
  it("tells of its region and its blocks", () => {
    const { config } = memory();
    const low = [0, 16, 24, 32, 40, 48].map(config);
    expect([low, config(20)]).to.deep.equal([[block, 0, 16 * block, 16 * block, 0, 0], 1]);
  });

  it("is plugged as far as it is asked for", () => {
    const { device, driven, sizes, ask, config } = memory();
    expect(ask(plug, 0)[0]).to.equal(refused);
    device.requested = 4 * block;
    expect(driven.read(mmioRegister.interruptStatus) & 2).to.equal(2);
    expect(config(48)).to.equal(4 * block);
    expect(ask(plug, 2, 3)[0]).to.equal(done);
    expect(ask(plug, 8, 2)[0]).to.equal(refused);
    expect(ask(plug, 4, 1)[0]).to.equal(wrong);
    expect(ask(plug, 8, 1)[0]).to.equal(done);
    expect([device.plugged, config(40)]).to.deep.equal([4 * block, 4 * block]);
    expect([ask(state, 2, 3), ask(state, 5, 3), ask(state, 0, 16)]).to.deep.equal([
      [done, 0],
      [done, 1],
      [done, 2],
    ]);
    expect(sizes).to.deep.equal([3 * block, 4 * block]);
  });

  it("goes back to the host when it is unplugged", () => {
    const { device, discarded, ask } = memory();
    device.requested = 8 * block;
    ask(plug, 0, 8);
    expect(ask(unplug, 6, 3)[0]).to.equal(wrong);
    expect(ask(unplug, 6, 2)[0]).to.equal(done);
    expect(discarded).to.deep.equal([[base + 6 * block, 2 * block]]);
    expect(device.plugged).to.equal(6 * block);
    expect(ask(unplugAll)[0]).to.equal(done);
    expect(ask(unplugAll)[0]).to.equal(done);
    expect(discarded.slice(1)).to.deep.equal([[base, 16 * block]]);
    expect([device.plugged, ask(state, 0, 16)]).to.deep.equal([0, [done, 1]]);
  });

  it("answers that a request is wrong", () => {
    const { device, ask } = memory();
    device.requested = 16 * block;
    const answers = [
      ask(plug, 0, 0),
      ask(plug, 16, 1),
      ask(plug, 15, 2),
      ask(plug, -1, 1),
      ask(plug, 0, 1, base + 1),
      ask(plug, 0, 1, 2 ** 53 - 4096),
      ask(plug, 0, 0xffff),
      ask(9, 0, 1),
    ];
    expect(answers.map(([kind]) => kind)).to.deep.equal(answers.map(() => wrong));
    expect(device.plugged).to.equal(0);
  });

  it("stays as it is over a reset of the device", () => {
    const { device, driven, ask } = memory();
    device.requested = block;
    ask(plug);
    driven.reset();
    driven.start();
    expect(device.plugged).to.equal(block);
  });

  it("needs a reset after a request that is too short, or has no room for its answer", () => {
    for (const [given, wanted] of [
      [23, 10],
      [24, 9],
    ] as const) {
      const { driven } = memory();
      driven.send(0, [
        { address: data, length: given },
        { address: data + 64, length: wanted, write: true },
      ]);
      expect(driven.needsReset).to.equal(true);
    }
  });

  it("cannot be of another size or place than blocks are", () => {
    const options = { address: base, size: block, blockSize: block, discard: () => undefined };
    for (const change of [{ blockSize: 2048 }, { blockSize: 12288 }, { address: 1 }, { size: 0 }, { size: 6000 }]) {
      expect(thrown(() => new MemDevice({ ...options, ...change }))).to.equal("KATA_VMM_MEM_REGION");
    }
    const device = new MemDevice(options);
    for (const bytes of [-block, 1, 2 * block, Number.NaN]) {
      expect(thrown(() => (device.requested = bytes))).to.equal("KATA_VMM_MEM_SIZE");
    }
  });
});
