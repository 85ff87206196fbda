import { EventEmitter, once } from "node:events";
import { expect } from "chai";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { QueueWires } from "../../../../src/vmm/threads/queue-wires.js";

describe("the wires of queues", () => {
  const { descriptors } = createLinuxSys();

  const scene = (queues: number) => {
    const told: number[] = [];
    const events = new EventEmitter();
    const wires = new QueueWires(descriptors, queues, (queue) => {
      told.push(queue);
      events.emit("told", told.length);
    });
    const fd = (queue: number): number => wires.notify[queue] ?? -1;
    const kick = (queue: number): void => descriptors.addEventfd(fd(queue));
    return { told, events, wires, kick, left: (queue: number) => descriptors.readEventfd(fd(queue)) };
  };

  it("tell of a notification before it is taken away, and once more after that", async () => {
    const { told, events, wires, kick, left } = scene(2);
    // A driver that goes on as soon as it is served: this one is taken away with the first.
    events.once("told", () => kick(1));
    kick(1);
    await once(events, "told");
    expect([told, left(1)]).to.deep.equal([[1, 1], undefined]);
    wires.close();
  });

  it("tell nobody of a queue that was given away, until it is taken back", async () => {
    const { told, events, wires, kick } = scene(2);
    wires.handOver(0);
    kick(0);
    kick(1);
    await once(events, "told");
    expect(told).to.deep.equal([1, 1]);
    wires.takeBack();
    await once(events, "told");
    expect(told).to.deep.equal([1, 1, 0, 0]);
    wires.close();
  });
});
