import { expect } from "chai";
import type { Readiness, Watch } from "../../../../src/core/sys/descriptors.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { QueueWires } from "../../../../src/vmm/threads/queue-wires.js";

describe("the wires of queues", () => {
  /** Eventfds that are real, and are said to be ready by the test. */
  const scene = (queues: number) => {
    const { descriptors } = createLinuxSys();
    const ready = new Map<number, (ready: Readiness) => void>();
    const watch = (fd: number, _: unknown, onReady: (ready: Readiness) => void): Watch => {
      ready.set(fd, onReady);
      return {
        update: () => undefined,
        close: () => void ready.delete(fd),
        ref: () => undefined,
        unref: () => undefined,
      };
    };
    const faked = new Proxy(descriptors, {
      get(target, name) {
        if (name === "watch") return watch;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const told: number[] = [];
    let meanwhile: () => void = () => undefined;
    const wires = new QueueWires(faked, queues, (queue) => {
      told.push(queue);
      meanwhile();
    });
    const kick = (queue: number): void => descriptors.addEventfd(wires.notify[queue] ?? -1);
    const poll = (queue: number): void => ready.get(wires.notify[queue] ?? -1)?.({ readable: true, writable: false });
    return { descriptors, wires, told, kick, poll, during: (action: () => void) => (meanwhile = action) };
  };

  it("tell of a notification before it is taken away, and once more after that", () => {
    const { descriptors, wires, told, kick, poll, during } = scene(2);
    during(() => {
      during(() => undefined);
      // A driver that goes on as soon as it is served: this one is taken away with the first.
      kick(1);
    });
    kick(1);
    poll(1);
    expect(told).to.deep.equal([1, 1]);
    expect(descriptors.readEventfd(wires.notify[1] ?? -1)).to.equal(undefined);
    wires.close();
  });

  it("tell nobody of a queue that was given away, until it is taken back", () => {
    const { wires, told, kick, poll } = scene(1);
    kick(0);
    expect(wires.handOver(0)).to.equal(wires.notify[0]);
    poll(0);
    expect(told).to.deep.equal([]);
    wires.takeBack();
    poll(0);
    expect(told).to.deep.equal([0, 0]);
    wires.close();
  });
});
