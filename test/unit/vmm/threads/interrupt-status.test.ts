import { expect } from "chai";
import { layout } from "../../../../src/vmm/machine/layout.js";
import { InterruptStatus } from "../../../../src/vmm/threads/interrupt-status.js";
import { forgetReasons, noteOthers, noteReason } from "../../../../src/vmm/virtio/interrupt-word.js";

describe("the interrupt status of virtio devices", () => {
  const register = (slot: number, offset: number) => layout.virtio + slot * layout.virtioStride + offset;
  const word = (value = 0): Uint8Array => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return bytes;
  };

  it("is read and acknowledged by a vCPU itself, each device's own", () => {
    const status = new InterruptStatus(new SharedArrayBuffer(16));
    Atomics.or(status.word(2), 0, 3);
    const bytes = word();
    expect(status.access(register(2, 0x60), false, bytes)).to.equal(true);
    expect([...bytes]).to.deep.equal([3, 0, 0, 0]);
    expect(status.access(register(2, 0x64), true, word(1))).to.equal(true);
    expect(Atomics.load(status.word(2), 0)).to.equal(2);
    expect(status.access(register(1, 0x60), false, bytes)).to.equal(true);
    expect([...bytes]).to.deep.equal([0, 0, 0, 0]);
  });

  it("is that of a queue at each interrupt while others serve queues, whatever the driver acknowledges", () => {
    const status = new InterruptStatus(new SharedArrayBuffer(16));
    noteOthers(status.word(2), 0);
    const bytes = word();
    const read = (): number => {
      status.access(register(2, 0x60), false, bytes);
      return new DataView(bytes.buffer).getUint32(0, true);
    };
    expect(read()).to.equal(1);
    noteReason(status.word(2), 0, "configuration");
    expect(read()).to.equal(3);
    status.access(register(2, 0x64), true, word(0xffffffff));
    expect(read()).to.equal(1);
    forgetReasons(status.word(2), 0);
    expect(read()).to.equal(0);
  });

  it("leaves every other access to the devices", () => {
    const status = new InterruptStatus(new SharedArrayBuffer(16));
    for (const [address, isWrite, length] of [
      [register(0, 0x60), true, 4],
      [register(0, 0x64), false, 4],
      [register(0, 0x60), false, 2],
      [register(4, 0x60), false, 4],
      [register(0, 0x70), false, 4],
      [layout.virtio - 4, false, 4],
    ] as const) {
      expect(status.access(address, isWrite, new Uint8Array(length)), `${address}`).to.equal(false);
    }
  });
});
