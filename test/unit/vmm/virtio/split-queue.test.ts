import { expect } from "chai";
import { SplitQueue } from "../../../../src/vmm/virtio/split-queue.js";
import { DriverQueue, type Piece } from "../../../support/vmm/driver-queue.js";
import { guardedMemory } from "../../../support/vmm/guarded-memory.js";

const table = 0x20000;
const data = 0x30000;

interface PairOptions {
  readonly size?: number;
  readonly eventIndex?: boolean;
  readonly indirect?: boolean;
}

function pair({ size = 8, eventIndex = false, indirect = true }: PairOptions = {}) {
  const { memory } = guardedMemory([0, 0x40000]);
  const driver = new DriverQueue({ memory, size, at: 0x1000, eventIndex });
  const { descriptors, driver: available, device } = driver;
  const queue = new SplitQueue({
    index: 3,
    size,
    memory,
    descriptors,
    driver: available,
    device,
    indirect,
    eventIndex,
  });
  return { memory, driver, queue };
}

const problemOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).to.include({ code: "KATA_VMM_QUEUE" });
    return (error as Error).message.replace("the guest's virtqueue 3 is broken: ", "");
  }
  return "nothing";
};

const lengths = (views: readonly Uint8Array[] | undefined): number[] => (views ?? []).map((view) => view.length);
const read = (length: number, address = data): Piece => ({ address, length });
const write = (length: number, address = data): Piece => ({ address, length, write: true });

describe("a split virtqueue", () => {
  it("gives buffers in order, in views of the guest's memory, and takes them back in any", () => {
    const { memory, driver, queue } = pair();
    const first = driver.add([read(4), read(6, data + 5), write(8, data + 16)]);
    const second = driver.add([write(1, data + 64)]);
    driver.publish();
    const one = queue.pop() ?? expect.fail();
    const two = queue.pop() ?? expect.fail();
    expect(queue.pop()).to.equal(undefined);
    expect([one.head, two.head]).to.deep.equal([first, second]);
    expect([lengths(one.readable), lengths(one.writable)]).to.deep.equal([[4, 6], [8]]);
    one.writable[0]?.set([9], 7);
    expect(memory.readU16(data + 23)).to.equal(9);
    queue.push(two, 1);
    queue.push(one, 8);
    expect(driver.collect()).to.deep.equal([
      { head: second, written: 1 },
      { head: first, written: 8 },
    ]);
  });

  it("follows an indirect table, alone or at the end of a chain", () => {
    const { driver, queue } = pair();
    driver.addIndirect([read(1), read(2), write(3)], table);
    // Descriptor 5 is a piece, which goes on at 6, which names a table.
    driver.describe(driver.descriptors, 5, read(7), 1, 6);
    driver.describe(driver.descriptors, 6, { address: table, length: 48 }, 4 | 2, 0);
    driver.enter(5);
    driver.publish();
    const alone = queue.pop();
    expect([lengths(alone?.readable), lengths(alone?.writable)]).to.deep.equal([[1, 2], [3]]);
    const mixed = queue.pop();
    expect([lengths(mixed?.readable), lengths(mixed?.writable)]).to.deep.equal([[7, 1, 2], [3]]);
  });

  it("has neighbours in memory of one direction as one piece", () => {
    const { memory, driver, queue } = pair();
    const pieces = [read(4), read(6, data + 4), read(1, data + 11), write(4, data + 12), write(4, data + 16)];
    driver.add(pieces);
    driver.add([write(4, data + 4), write(4), write(4, data + 8)]);
    driver.publish();
    const [one, two] = [queue.pop() ?? expect.fail(), queue.pop() ?? expect.fail()];
    expect([lengths(one.readable), lengths(one.writable)]).to.deep.equal([[10, 1], [8]]);
    expect(lengths(two.writable)).to.deep.equal([4, 4, 4]);
    one.writable[0]?.fill(9);
    expect([memory.readU32(data + 12), memory.readU32(data + 16)]).to.deep.equal([0x09090909, 0x09090909]);
  });

  it("leaves out descriptors without bytes, wherever they point", () => {
    const { driver, queue } = pair();
    driver.add([{ address: 2 ** 60, length: 0 }, read(2), { address: 0, length: 0, write: true }]);
    driver.publish();
    const chain = queue.pop();
    expect([lengths(chain?.readable), lengths(chain?.writable)]).to.deep.equal([[2], []]);
  });

  for (const eventIndex of [false, true]) {
    describe(eventIndex ? "with the event index" : "without the event index", () => {
      it("goes round more than 65536 times", () => {
        const { driver, queue } = pair({ eventIndex, size: 4 });
        for (let round = 0; round < 70_000; round++) {
          driver.add([read(1)]);
          expect(driver.publish()).to.equal(true);
          queue.push(queue.pop() ?? expect.fail(), round % 5);
          expect(queue.pop()).to.equal(undefined);
          expect(driver.collect()).to.have.length(1);
          driver.wantInterrupts(true);
        }
      }).timeout(20_000);

      it("wants no notification while there is something left to take", () => {
        const { driver, queue } = pair({ eventIndex });
        const add = (): boolean => {
          driver.add([read(1)]);
          return driver.publish();
        };
        expect(add()).to.equal(true);
        queue.pop();
        expect(add()).to.equal(false);
        queue.pop();
        expect(add()).to.equal(false);
        queue.pop();
        expect(queue.pop()).to.equal(undefined);
        expect(add()).to.equal(true);
      });

      it("interrupts when it is wanted, once for what was given back together", () => {
        const { driver, queue } = pair({ eventIndex });
        const serve = (count: number): void => {
          for (let i = 0; i < count; i++) driver.add([read(1)]);
          driver.publish();
          for (let i = 0; i < count; i++) queue.push(queue.pop() ?? expect.fail(), 0);
        };
        driver.wantInterrupts(true);
        expect(queue.takeInterrupt()).to.equal(false);
        serve(3);
        expect([queue.takeInterrupt(), queue.takeInterrupt()]).to.deep.equal([true, false]);
        driver.collect();
        driver.wantInterrupts(false);
        serve(2);
        expect(queue.takeInterrupt()).to.equal(false);
        driver.collect();
        driver.wantInterrupts(true, eventIndex ? 2 : 0);
        serve(2);
        expect(queue.takeInterrupt()).to.equal(!eventIndex);
        serve(1);
        expect(queue.takeInterrupt()).to.equal(true);
      });
    });
  }

  it("gives a buffer again that was put back", () => {
    const { driver, queue } = pair();
    const head = driver.add([read(1)]);
    driver.publish();
    queue.pop();
    queue.unpop();
    const again = queue.pop() ?? expect.fail();
    expect(again.head).to.equal(head);
    queue.push(again, 0);
    expect(driver.collect()).to.have.length(1);
  });

  it("reads each descriptor once", () => {
    const { memory, driver, queue } = pair();
    driver.add([read(4)]);
    driver.publish();
    const chain = queue.pop() ?? expect.fail();
    memory.writeU32(driver.descriptors + 8, 0xffffffff);
    memory.writeU32(driver.descriptors, 0xffffffff);
    expect(lengths(chain.readable)).to.deep.equal([4]);
    chain.readable[0]?.fill(1);
  });

  describe("refuses, and says why:", () => {
    const piece = read(1);
    const far = { address: 0x3fffc, length: 8 };
    type Driver = ReturnType<typeof pair>["driver"];
    const direct = (driver: Driver, index: number, what: Piece, flags: number, next = 0): void =>
      driver.describe(driver.descriptors, index, what, flags, next);
    const cases: [string, (driver: Driver) => void, string][] = [
      ["a head out of the table", (d) => d.enter(8), "a buffer begins at descriptor 8, of 8"],
      ["a loop of one", (d) => direct(d, 0, piece, 1, 0), "the buffer at 0 loops or has more than 8 descriptors"],
      [
        "a loop of two",
        (d) => {
          direct(d, 0, piece, 1, 1);
          direct(d, 1, piece, 1, 0);
        },
        "the buffer at 0 loops or has more than 8 descriptors",
      ],
      ["a next one out of the table", (d) => direct(d, 0, piece, 1, 8), "descriptor 0 goes on at 8, of 8"],
      [
        "memory that is not there",
        (d) => direct(d, 0, far, 0),
        "descriptor 0 names 8 bytes at 0x3fffc, not all in the guest's memory",
      ],
      [
        "an address from which a sum would pass 2^64",
        (d) => direct(d, 0, { address: 2 ** 64 - 4096, length: 8192 }, 0),
        "descriptor 0 names 8192 bytes at 0xfffffffffffff000, not all in the guest's memory",
      ],
      [
        "writable before readable",
        (d) => {
          direct(d, 0, piece, 1 | 2, 1);
          direct(d, 1, piece, 0);
        },
        "descriptor 1 is to be read and comes after one to be written",
      ],
      [
        "an indirect one with a next one",
        (d) => direct(d, 0, { address: table, length: 16 }, 4 | 1, 1),
        "descriptor 0 is indirect and has a next one",
      ],
      [
        "an indirect table in an indirect table",
        (d) => {
          direct(d, 0, { address: table, length: 16 }, 4);
          d.describe(table, 0, { address: table, length: 16 }, 4, 0);
        },
        "descriptor 0 of an indirect table is indirect itself",
      ],
      [
        "an indirect table of no bytes",
        (d) => direct(d, 0, { address: table, length: 0 }, 4),
        "the indirect table of descriptor 0 has 0 bytes, which is no number of descriptors",
      ],
      [
        "an indirect table that ends in a descriptor",
        (d) => direct(d, 0, { address: table, length: 24 }, 4),
        "the indirect table of descriptor 0 has 24 bytes, which is no number of descriptors",
      ],
      [
        "an indirect table that is not there",
        (d) => direct(d, 0, { address: 0x3fff0, length: 32 }, 4),
        "the indirect table of descriptor 0 names 32 bytes at 0x3fff0, not all in the guest's memory",
      ],
      [
        "a next one out of an indirect table",
        (d) => {
          direct(d, 0, { address: table, length: 32 }, 4);
          d.describe(table, 0, piece, 1, 2);
        },
        "descriptor 0 goes on at 2, of 2",
      ],
      [
        "a chain in an indirect table that is longer than the queue",
        (d) =>
          void d.addIndirect(
            Array.from({ length: 9 }, () => piece),
            table,
          ),
        "the buffer at 0 loops or has more than 8 descriptors",
      ],
    ];
    for (const [what, arrange, problem] of cases) {
      it(what, () => {
        const { driver, queue } = pair();
        if (!what.startsWith("a head") && !what.includes("longer")) driver.enter(0);
        arrange(driver);
        driver.publish();
        expect(problemOf(() => queue.pop())).to.equal(problem);
      });
    }

    it("an indirect one that was not negotiated", () => {
      const { driver, queue } = pair({ indirect: false });
      driver.addIndirect([piece], table);
      driver.publish();
      expect(problemOf(() => queue.pop())).to.equal("descriptor 0 is indirect, which was not negotiated");
    });

    it("more than 2^32 bytes in a chain", () => {
      const size = 2 ** 31;
      const huge = {
        slice: (_: number, length: number) => (length === size ? new Uint8Array(1) : memory.slice(_, length)),
      };
      const { memory } = guardedMemory([0, 0x10000]);
      const driver = new DriverQueue({ memory, size: 8, at: 0 });
      const { descriptors, driver: available, device } = driver;
      const large = Object.assign(Object.create(memory) as typeof memory, huge);
      const rest = { index: 3, size: 8, memory: large, indirect: false, eventIndex: false };
      const queue = new SplitQueue({ ...rest, descriptors, driver: available, device });
      driver.add([read(size), read(size), read(1)]);
      driver.publish();
      expect(problemOf(() => queue.pop())).to.equal("the buffer at 0 has more than 4294967296 bytes");
    });

    it("an available index that went too far, or back", () => {
      const { driver, queue } = pair();
      driver.jump(9);
      expect(problemOf(() => queue.pop())).to.equal("its available index went from 0 to 9, further than its 8 entries");
      driver.jump(65535);
      expect(problemOf(() => queue.pop())).to.equal(
        "its available index went from 0 to 65535, further than its 8 entries",
      );
    });

    it("more buffers than there are entries", () => {
      const { driver, queue } = pair();
      for (let i = 0; i < 8; i++) driver.enter(0);
      driver.publish();
      for (let i = 0; i < 8; i++) queue.pop();
      driver.jump(9);
      expect(problemOf(() => queue.pop())).to.match(/^it has more buffers than its 8 entries/);
    });

    const at = { index: 3, size: 8, descriptors: 0, driver: 0x1000, device: 0x2000 };
    for (const [change, problem] of [
      [{ size: 0 }, "its size is 0, which is no power of two up to 32768"],
      [{ size: 12 }, "its size is 12, which is no power of two up to 32768"],
      [{ size: 65536 }, "its size is 65536, which is no power of two up to 32768"],
      [{ descriptors: 8 }, "its descriptor table is at 0x8, which is no multiple of 16"],
      [{ driver: 1 }, "its available ring is at 0x1, which is no multiple of 2"],
      [{ device: 2 }, "its used ring is at 0x2, which is no multiple of 4"],
      [{ descriptors: 0xffa0 }, "its descriptor table is at 0xffa0, whose 128 bytes are not all in the guest's memory"],
      [{ driver: 0xfffe }, "its available ring is at 0xfffe, whose 22 bytes are not all in the guest's memory"],
      [{ device: 2 ** 63 }, "its used ring is at 0x8000000000000000, whose 70 bytes are not all in the guest's memory"],
    ] as const) {
      it(`a queue with ${JSON.stringify(change)}`, () => {
        const { memory } = guardedMemory([0, 0x10000]);
        const make = () => new SplitQueue({ ...at, ...change, memory, indirect: true, eventIndex: true });
        expect(problemOf(make)).to.equal(problem);
      });
    }
  });
});
