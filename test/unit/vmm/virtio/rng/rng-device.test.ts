import { expect } from "chai";
import { RngDevice } from "../../../../../src/vmm/virtio/rng/rng-device.js";
import { data, DrivenDevice } from "../../../../support/vmm/driven-device.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the entropy device", () => {
  it("fills what it is given, and no more", () => {
    const driven = new DrivenDevice(new RngDevice((bytes) => void bytes.fill(7))).start();
    const head = driven.send(0, [
      { address: data, length: 3, write: true },
      { address: data + 5, length: 2, write: true },
    ]);
    expect(driven.queue(0).collect()).to.deep.equal([{ head, written: 5 }]);
    expect(Array.from(driven.memory.slice(data, 8))).to.deep.equal([7, 7, 7, 0, 0, 7, 7, 0]);
    expect(driven.interrupts).to.equal(1);
  });

  it("takes its bytes from the host", () => {
    const driven = new DrivenDevice(new RngDevice()).start();
    driven.send(0, [{ address: data, length: 64, write: true }]);
    expect(driven.memory.slice(data, 64).filter((byte) => byte === 0).length).to.be.lessThan(32);
  });

  it("gives one buffer no more than 4096 bytes, and leaves alone what is to be read", () => {
    const driven = new DrivenDevice(new RngDevice((bytes) => void bytes.fill(7))).start();
    driven.send(0, [
      { address: data, length: 8 },
      { address: data + 8, length: 4000, write: true },
      { address: data + 4008, length: 4000, write: true },
    ]);
    driven.send(0, [{ address: data, length: 8 }]);
    expect(
      driven
        .queue(0)
        .collect()
        .map(({ written }) => written),
    ).to.deep.equal([4096, 0]);
    const memory = driven.memory.slice(data, 8192);
    expect([memory[7], memory[8], memory[8 + 4095], memory[8 + 4096]]).to.deep.equal([0, 7, 7, 0]);
  });

  it("lets others have their turn when a driver adds without end", async () => {
    let adding = true;
    let served = 0;
    const driven: DrivenDevice = new DrivenDevice(
      new RngDevice(() => {
        served++;
        driven.queue(0).collect();
        if (!adding) return;
        driven.queue(0).add([{ address: data, length: 1, write: true }]);
        driven.queue(0).publish();
      }),
    );
    driven.start({ queueSize: 8 });
    driven.queue(0).add([{ address: data, length: 1, write: true }]);
    driven.send(0, [{ address: data, length: 1, write: true }]);
    expect(served).to.equal(8);
    driven.transport.notified(0);
    expect(served).to.equal(8);
    await turn();
    expect(served).to.equal(16);
    adding = false;
    driven.reset();
    await turn();
    expect(served).to.equal(16);
  });

  it("needs a reset after a broken queue, also in a turn of its own", async () => {
    const driven: DrivenDevice = new DrivenDevice(
      new RngDevice(() => {
        driven.queue(0).enter(9);
        driven.queue(0).publish();
      }),
    );
    driven.start({ queueSize: 1 });
    driven.send(0, [{ address: data, length: 1, write: true }]);
    expect(driven.needsReset).to.equal(false);
    await turn();
    expect(driven.needsReset).to.equal(true);
    expect(driven.lines.join()).to.include("a buffer begins at descriptor 9, of 1");
    driven.reset();
    expect(driven.status).to.equal(0);
  });
});
