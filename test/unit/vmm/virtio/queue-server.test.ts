import { expect } from "chai";
import type { DeviceContext } from "../../../../src/vmm/virtio/device.js";
import { QueueServer } from "../../../../src/vmm/virtio/queue-server.js";
import { SplitQueue } from "../../../../src/vmm/virtio/split-queue.js";
import { DriverQueue } from "../../../support/vmm/driver-queue.js";
import { guardedMemory } from "../../../support/vmm/guarded-memory.js";

function served(serve: () => number) {
  const { memory } = guardedMemory([0, 0x10000]);
  const driver = new DriverQueue({ memory, size: 4, at: 0 });
  const { descriptors, driver: available, device } = driver;
  const places = { descriptors, driver: available, device };
  const queue = new SplitQueue({ index: 0, size: 4, memory, indirect: false, eventIndex: false, ...places });
  const failures: unknown[] = [];
  const interrupts: number[] = [];
  const context: DeviceContext = {
    memory,
    queues: [queue],
    features: 0n,
    interrupt: () => interrupts.push(driver.collect().length),
    configurationChanged: () => undefined,
    fail: (error) => failures.push(error),
  };
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) driver.add([{ address: 0x8000, length: 1 }]);
    driver.publish();
  };
  return { server: new QueueServer(context, queue, serve), driver, add, failures, interrupts };
}

describe("the server of a queue", () => {
  it("interrupts once for all that it has served", () => {
    const { server, add, interrupts } = served(() => 0);
    add(3);
    server.notify();
    expect(interrupts).to.deep.equal([3]);
  });

  it("serves nothing more when it was stopped", async () => {
    let calls = 0;
    const { server, driver, add } = served(() => {
      calls++;
      return 0;
    });
    add(4);
    server.notify();
    driver.collect();
    add(2);
    server.stop();
    server.notify();
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).to.equal(4);
  });

  it("ends the device by what is thrown, and stops", () => {
    const { server, driver, add, failures } = served(() => expect.fail("thrown"));
    add(2);
    server.notify();
    server.notify();
    expect(failures.map(String)).to.deep.equal(["AssertionError: thrown"]);
    expect(driver.collect()).to.deep.equal([]);
  });
});
