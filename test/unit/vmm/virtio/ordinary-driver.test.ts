import { expect } from "chai";
import fc from "fast-check";
import { SplitQueue } from "../../../../src/vmm/virtio/split-queue.js";
import type { Chain } from "../../../../src/vmm/virtio/virtqueue.js";
import { DriverQueue, type Piece } from "../../../support/vmm/driver-queue.js";
import { guardedMemory } from "../../../support/vmm/guarded-memory.js";

const tables = 0x10000;
const data = 0x20000;
const space = 0x10000;

const pieces = fc
  .tuple(
    fc.array(fc.record({ at: fc.nat(space - 600), length: fc.nat(600) }), { minLength: 1, maxLength: 6 }),
    fc.nat(6),
  )
  .map(([all, readable]): Piece[] =>
    all.map(({ at, length }, index) => ({ address: data + at, length, write: index >= readable })),
  );

/** What driver and device do, one thing after another. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant("add" as const), pieces, indirect: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constant({ does: "serve" as const }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("give" as const), which: fc.nat(15), written: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.constant({ does: "collect" as const }) },
);

const describeChain = ({ readable, writable }: Chain, addressOf: (view: Uint8Array) => number): Piece[] => [
  ...readable.map((view) => ({ address: addressOf(view), length: view.length, write: false })),
  ...writable.map((view) => ({ address: addressOf(view), length: view.length, write: true })),
];

/** Pieces as a device may be given them: none that is empty, and neighbours of one direction as one. */
const joined = (all: readonly Piece[]): Piece[] =>
  all
    .filter(({ length }) => length > 0)
    .reduce<Piece[]>((before, piece) => {
      const last = before.at(-1);
      if (last === undefined || last.write !== piece.write) return [...before, piece];
      if (last.address + last.length !== piece.address) return [...before, piece];
      return [...before.slice(0, -1), { ...last, length: last.length + piece.length }];
    }, []);

describe("an ordinary driver", () => {
  it("gets every buffer to the device and back, and neither ever waits for the other in vain", () => {
    const { memory } = guardedMemory([0, data + space]);
    const sizes = fc.constantFrom(1, 2, 4, 8, 16);
    const scene = fc.record({ size: sizes, eventIndex: fc.boolean(), steps: fc.array(step, { maxLength: 80 }) });
    const play = fc.property(scene, ({ size, eventIndex, steps }) => {
      memory.slice(0, data).fill(0);
      const driver = new DriverQueue({ memory, size, at: 0, eventIndex });
      const { descriptors, driver: available, device } = driver;
      const places = { descriptors, driver: available, device };
      const queue = new SplitQueue({ index: 0, size, memory, indirect: true, eventIndex, ...places });
      const waiting: { head: number; pieces: readonly Piece[] }[] = [];
      const taken: Chain[] = [];
      const given: { head: number; written: number }[] = [];
      let free = size;
      let added = 0;
      let asleep = true;
      let interrupted = true;
      driver.wantInterrupts(true);

      const serve = (): void => {
        for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
          const expected = waiting.shift() ?? expect.fail("a buffer that nobody has added");
          expect(chain.head).to.equal(expected.head);
          expect(describeChain(chain, (view) => memory.addressOf(view))).to.deep.equal(joined(expected.pieces));
          taken.push(chain);
        }
        asleep = true;
      };
      for (const one of steps) {
        if (one.does === "add") {
          const needed = one.indirect ? 1 : one.pieces.length;
          if (needed > free || one.pieces.length > size) continue;
          free -= needed;
          const table = tables + 256 * added++;
          const head = one.indirect ? driver.addIndirect(one.pieces, table) : driver.add(one.pieces);
          waiting.push({ head, pieces: one.pieces });
          const notified = driver.publish();
          // A device that has seen an empty queue is told of the next buffer.
          if (asleep) expect(notified, "notified").to.equal(true);
          if (notified) asleep = false;
        } else if (one.does === "serve") serve();
        else if (one.does === "give") {
          const [chain] = taken.splice(one.which % Math.max(1, taken.length), 1);
          if (chain === undefined) continue;
          queue.push(chain, one.written);
          given.push({ head: chain.head, written: one.written });
          // A driver that has asked for an interrupt is told of the next buffer that comes back.
          const interrupt = queue.takeInterrupt();
          if (interrupted) expect(interrupt, "interrupted").to.equal(true);
          interrupted = false;
        } else {
          const before = driver.freeDescriptors;
          expect(driver.collect()).to.deep.equal(given.splice(0));
          free += driver.freeDescriptors - before;
          driver.wantInterrupts(true);
          interrupted = true;
        }
      }
      serve();
      expect(waiting).to.have.length(0);
    });
    fc.assert(play, { numRuns: 5000 });
  }).timeout(60_000);
});
