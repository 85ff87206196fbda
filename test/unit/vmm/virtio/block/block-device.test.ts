import { expect } from "chai";
import { createLogger } from "../../../../../src/core/log.js";
import { SysError } from "../../../../../src/core/sys/sys-error.js";
import { BlockDevice, type BlockOptions } from "../../../../../src/vmm/virtio/block/block-device.js";
import { mmioRegister } from "../../../../../src/vmm/virtio/mmio-registers.js";
import type { Piece } from "../../../../support/vmm/driver-queue.js";
import { data, DrivenDevice, type DriveOptions } from "../../../../support/vmm/driven-device.js";
import { MemoryDisk } from "../../../../support/vmm/memory-disk.js";

const sectors = 64;
const header = data;
const status = data + 0x100;
const buffer = data + 0x1000;
const [read, write, flush, identity, discard, zeroes] = [0, 1, 4, 8, 11, 13];
const [ok, failed, unsupported] = [0, 1, 2];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface BlockSetup extends Partial<Omit<BlockOptions, "disk">>, Pick<DriveOptions, "features"> {
  readonly readOnly?: boolean;
  readonly bytes?: number;
}

function block(setup: BlockSetup = {}) {
  const { bytes = sectors * 512 + 100 } = setup;
  const disk = new MemoryDisk(bytes);
  disk.readOnly = setup.readOnly ?? false;
  const lines: string[] = [];
  const log = createLogger((line) => lines.push(line));
  const { features, readOnly: _, bytes: __, ...options } = setup;
  const device = new BlockDevice({ name: "disk0", disk, serial: "kata-disk", log, ...options });
  const driven = new DrivenDevice(device);
  driven.start(features === undefined ? {} : { features });
  const { memory } = driven;

  /** Makes a request available without waiting for it; where its status will be. */
  const send = (kind: number, sector: number, pieces: readonly Piece[] = [], queue = 0): void => {
    memory.writeU32(header, kind);
    memory.writeU64(header + 8, sector);
    memory.slice(status, 1).fill(0xff);
    driven.send(queue, [{ address: header, length: 16 }, ...pieces, { address: status, length: 1, write: true }]);
  };
  /** Its status, and the bytes that were written by what the device says. */
  const ask = async (
    kind: number,
    sector = 0,
    pieces: readonly Piece[] = [],
  ): Promise<[number | undefined, number]> => {
    send(kind, sector, pieces);
    await turn();
    const [used] = driven.queue(0).collect();
    return [memory.slice(status, 1)[0], used?.written ?? -1];
  };
  return { disk, device, driven, memory, lines, send, ask };
}

const given = (length: number, address = buffer): Piece => ({ address, length });
const wanted = (length: number, address = buffer): Piece => ({ address, length, write: true });

/** Writes ranges to discard or to clear where `given` has them read. */
function writeRanges(memory: DrivenDevice["memory"], ...ranges: readonly (readonly [number, number, number])[]): Piece {
  for (const [at, [sector, count, flags]] of ranges.entries()) {
    memory.writeU64(buffer + 16 * at, sector);
    memory.writeU32(buffer + 16 * at + 8, count);
    memory.writeU32(buffer + 16 * at + 12, flags);
  }
  return given(16 * ranges.length);
}

describe("a block device", () => {
  it("tells how large it is, and what requests may be", () => {
    const { driven } = block({ queues: 3, queueSize: 64 });
    const config = (at: number) => driven.read(mmioRegister.config + at);
    expect([config(0), config(4), config(8), config(12), config(20)]).to.deep.equal([sectors, 0, 1 << 19, 62, 512]);
    expect(config(34) & 0xffff).to.equal(3);
    expect([config(36), config(40), config(48), config(52)]).to.deep.equal([1 << 21, 16, 1 << 16, 16]);
    expect(block().device.queueSizes).to.deep.equal([128]);
  });

  it("has sectors of the size it is told, and no part of one", () => {
    const sizes = (setup: BlockSetup) => {
      const { driven } = block(setup);
      const config = (at: number) => driven.read(mmioRegister.config + at);
      return [config(0), config(20), config(24) & 0xff, config(44)];
    };
    expect(sizes({ bytes: 65_536 + 512 })).to.deep.equal([129, 512, 3, 8]);
    expect(sizes({ bytes: 65_536 + 512, logicalSector: 4096 })).to.deep.equal([128, 4096, 0, 8]);
    expect(sizes({ bytes: 65_536 + 512, logicalSector: 8192 })).to.deep.equal([128, 8192, 0, 16]);
    expect(sizes({ logicalSector: 1024, physicalSector: 16_384 }).slice(1)).to.deep.equal([1024, 4, 32]);
  });

  it("offers what a disk can", () => {
    const bits = (setup: BlockSetup) =>
      [5, 9, 12, 13, 14].filter((bit) => (block(setup).device.features >> BigInt(bit)) & 1n);
    expect(bits({})).to.deep.equal([9, 13, 14]);
    expect(bits({ readOnly: true, queues: 2 })).to.deep.equal([5, 9, 12]);
  });

  it("writes and reads sectors, however they are cut up", async () => {
    const { disk, memory, ask } = block();
    memory.slice(buffer, 1024).forEach((_, at, bytes) => (bytes[at] = at % 251));
    expect(await ask(write, 3, [given(100), given(924, buffer + 100)])).to.deep.equal([ok, 1]);
    expect(Buffer.compare(disk.content.subarray(1536, 2560), memory.slice(buffer, 1024))).to.equal(0);
    expect(await ask(read, 4, [wanted(1, buffer + 0x2000), wanted(511, buffer + 0x3000)])).to.deep.equal([ok, 513]);
    expect([memory.readU16(buffer + 0x2000) & 0xff, memory.slice(buffer + 0x3000, 1)[0]]).to.deep.equal([
      512 % 251,
      513 % 251,
    ]);
  });

  it("answers at once what its disk does at once, by one interrupt for all that was in the queue", () => {
    const { disk, driven, memory } = block();
    disk.atOnce = true;
    disk.content.fill(9, 512, 1024);
    memory.writeU32(header, read);
    memory.writeU64(header + 8, 1);
    const queue = driven.queue(0);
    const heads = [0, 1, 2].map((at) =>
      queue.add([given(16, header), wanted(512, buffer + 512 * at), wanted(1, status)]),
    );
    queue.publish();
    driven.transport.notified(0);
    expect(queue.collect()).to.deep.equal(heads.map((head) => ({ head, written: 513 })));
    expect([driven.interrupts, memory.slice(status, 1)[0]]).to.deep.equal([1, ok]);
    expect(memory.slice(buffer, 3 * 512).every((byte) => byte === 9)).to.equal(true);
  });

  it("finds header and status wherever they are", async () => {
    const { disk, driven, memory } = block();
    disk.content.fill(9, 512, 1024);
    memory.writeU32(header, read);
    memory.writeU64(header + 8, 1);
    const head = driven.send(0, [given(7, header), given(9, header + 7), wanted(513)]);
    await turn();
    expect(driven.queue(0).collect()).to.deep.equal([{ head, written: 513 }]);
    expect([memory.slice(buffer + 511, 2)[0], memory.slice(buffer + 512, 1)[0]]).to.deep.equal([9, ok]);
  });

  it("flushes, and does so after each write for a driver that cannot", async () => {
    const { disk, ask } = block();
    expect(await ask(flush)).to.deep.equal([ok, 1]);
    await ask(write, 0, [given(512)]);
    expect(disk.calls).to.deep.equal(["flush at 0", "write at 0"]);
    const old = block({ features: 1n << 32n });
    expect(await old.ask(write, 0, [given(512)])).to.deep.equal([ok, 1]);
    expect(old.disk.calls).to.deep.equal(["write at 0", "flush at 0"]);
  });

  it("says which disk it is", async () => {
    const { memory, ask } = block();
    memory.slice(buffer, 20).fill(0xff);
    expect(await ask(identity, 0, [wanted(20)])).to.deep.equal([ok, 21]);
    expect(Buffer.from(memory.slice(buffer, 20)).toString()).to.equal("kata-disk".padEnd(20, "\0"));
    expect(await ask(identity, 0, [wanted(4)])).to.deep.equal([ok, 5]);
    const long = block({ serial: "x".repeat(30) });
    await long.ask(identity, 0, [wanted(30)]);
    expect(long.memory.slice(buffer, 21).at(19)).to.equal(0x78);
    expect(long.memory.slice(buffer, 21).at(20)).to.equal(0);
  });

  it("discards and clears ranges, in their order", async () => {
    const { disk, memory, ask } = block();
    disk.content.fill(7);
    expect(await ask(discard, 0, [writeRanges(memory, [1, 2, 0], [10, 0, 0], [8, 1, 0])])).to.deep.equal([ok, 1]);
    expect(await ask(zeroes, 0, [writeRanges(memory, [20, 1, 1], [22, 42, 0])])).to.deep.equal([ok, 1]);
    expect(disk.calls).to.deep.equal([
      "discard 1024 at 512",
      "discard 512 at 4096",
      "zero 512 or discard at 10240",
      "zero 21504 at 11264",
    ]);
  });

  const beyond: [string, number, number, readonly Piece[]][] = [
    ["a read that ends beyond the last sector", read, sectors - 1, [wanted(1024)]],
    ["a read from a sector that no number has exactly", read, 2 ** 53 - 1, [wanted(512)]],
    ["a write beyond the end", write, sectors, [given(512)]],
    ["a read of half a sector", read, 0, [wanted(100)]],
    ["a write of more than a sector and no two", write, 0, [given(513)]],
    ["a read with bytes to write", read, 0, [given(512)]],
    ["a write with bytes to fill", write, 0, [wanted(512)]],
    ["a discard of nothing", discard, 0, []],
    ["a discard of half a range", discard, 0, [given(24)]],
    ["a discard of more ranges than are allowed", discard, 0, [given(16 * 17)]],
  ];
  for (const [what, kind, sector, pieces] of beyond) {
    it(`fails ${what}, and goes on`, async () => {
      const { disk, driven, ask } = block();
      expect(await ask(kind, sector, pieces)).to.deep.equal([failed, 1]);
      expect(disk.calls).to.deep.equal([]);
      expect(driven.status).to.equal(15);
      expect(await ask(read, 0, [wanted(512)])).to.deep.equal([ok, 513]);
    });
  }

  it("fails a request with more bytes than any may have", async () => {
    const { disk, ask } = block({ bytes: 1 << 22, queueSize: 4 });
    expect(await ask(read, 0, [wanted(600 << 10), wanted(600 << 10)])).to.deep.equal([failed, 1]);
    expect(disk.calls).to.deep.equal([]);
    expect(await ask(read, 0, [wanted(512 << 10), wanted(512 << 10)])).to.deep.equal([ok, (1 << 20) + 1]);
  });

  it("refuses ranges that are not all of the disk, too long, or with flags of no meaning, and does nothing of them", async () => {
    const { disk, memory, ask } = block();
    const fine = [0, 1, 0] as const;
    for (const [kind, range, expected] of [
      [discard, [sectors, 1, 0], failed],
      [discard, [2 ** 53 - 1, 1, 0], failed],
      [discard, [0, (1 << 21) + 1, 0], failed],
      [zeroes, [0, sectors + 1, 0], failed],
      [discard, [0, 1, 1], unsupported],
      [zeroes, [0, 1, 2], unsupported],
      [zeroes, [0, 1, 0x80000000], unsupported],
    ] as const) {
      expect(await ask(kind, 0, [writeRanges(memory, fine, range)]), JSON.stringify(range)).to.deep.equal([
        expected,
        1,
      ]);
    }
    expect(disk.calls).to.deep.equal([]);
  });

  it("does not know other requests", async () => {
    const { ask } = block();
    for (const kind of [2, 3, 10, 14, 0xffffffff]) expect(await ask(kind)).to.deep.equal([unsupported, 1]);
    const without = block({ features: 1n << 32n });
    expect(await without.ask(discard, 0, [writeRanges(without.memory, [0, 1, 0])])).to.deep.equal([unsupported, 1]);
  });

  it("is read-only whatever the driver asks for", async () => {
    const { disk, memory, ask } = block({ readOnly: true, features: 1n << 32n });
    const ranges = writeRanges(memory, [0, 1, 0]);
    expect(await ask(write, 0, [given(512)])).to.deep.equal([failed, 1]);
    expect(await ask(discard, 0, [ranges])).to.deep.equal([failed, 1]);
    expect(await ask(zeroes, 0, [ranges])).to.deep.equal([failed, 1]);
    expect(disk.calls).to.deep.equal([]);
    expect(await ask(read, 0, [wanted(512)])).to.deep.equal([ok, 513]);
  });

  it("fails a request that is too short for its header", async () => {
    const { driven, memory } = block();
    driven.send(0, [given(15, header), wanted(1, status)]);
    await turn();
    expect([memory.slice(status, 1)[0], driven.status]).to.deep.equal([failed, 15]);
  });

  it("needs a reset after a request that has no place for its status", () => {
    const { driven } = block();
    driven.send(0, [given(16, header)]);
    expect(driven.needsReset).to.equal(true);
    expect(driven.lines.join()).to.include("the disk disk0 has no byte to write");
  });

  it("tells the guest of an error of the host, and the log", async () => {
    const { disk, lines, memory, ask } = block();
    disk.failure = new SysError("pread", [], 5, "EIO");
    expect(await ask(read, 0, [wanted(512)])).to.deep.equal([failed, 1]);
    expect(lines.join()).to.include("disk=disk0").and.to.include("EIO");
    disk.failure = new SysError("fallocate", [], 95, "EOPNOTSUPP");
    expect(await ask(discard, 0, [writeRanges(memory, [0, 1, 0])])).to.deep.equal([unsupported, 1]);
    expect(lines).to.have.length(1);
  });

  it("has no more requests under way than it may, of all queues together", async () => {
    const { disk, driven, send } = block({ queues: 2, inFlight: 3 });
    disk.held = true;
    for (let i = 0; i < 4; i++) send(read, i, [wanted(512)], i % 2);
    for (let i = 4; i < 6; i++) send(read, i, [wanted(512)], i % 2);
    expect(disk.underWay).to.equal(3);
    disk.release(1);
    await turn();
    expect([disk.underWay, disk.calls.length]).to.deep.equal([3, 4]);
    disk.held = false;
    disk.release();
    await turn();
    await turn();
    expect([disk.underWay, disk.calls.length]).to.deep.equal([0, 6]);
    expect([driven.queue(0).collect().length, driven.queue(1).collect().length]).to.deep.equal([3, 3]);
  });

  it("answers requests in the order in which they end", async () => {
    const { disk, driven, send } = block();
    disk.held = true;
    send(read, 0, [wanted(512)]);
    disk.held = false;
    send(read, 1, [wanted(512, buffer + 512)]);
    await turn();
    expect(
      driven
        .queue(0)
        .collect()
        .map(({ head }) => head),
    ).to.deep.equal([3]);
    disk.release();
    await turn();
    expect(
      driven
        .queue(0)
        .collect()
        .map(({ head }) => head),
    ).to.deep.equal([0]);
  });

  it("is reset when nothing is under way any more, and writes nothing more then", async () => {
    const { disk, driven, memory, send } = block();
    disk.held = true;
    disk.content.fill(9);
    send(read, 0, [wanted(512)]);
    send(read, 1, [wanted(512)]);
    driven.reset();
    const { settled } = driven;
    let over = false;
    void settled.then(() => (over = true));
    disk.release(1);
    await turn();
    expect([over, driven.status]).to.deep.equal([false, 15]);
    disk.release();
    await settled;
    expect([driven.status, driven.interrupts, driven.queue(0).collect(), memory.slice(status, 1)[0]]).to.deep.equal([
      0,
      0,
      [],
      0xff,
    ]);
    driven.start();
    expect(driven.status).to.equal(15);
  });

  it("lets others have their turn after as many requests as its queue has entries", async () => {
    const { driven } = block({ queueSize: 4 });
    const queue = driven.queue(0);
    const addFour = (): void => {
      // Too short for a header: answered at once.
      for (let i = 0; i < 4; i++) queue.add([wanted(1, status)]);
      queue.publish();
      driven.transport.notified(0);
    };
    addFour();
    expect(queue.collect()).to.have.length(4);
    addFour();
    expect(queue.collect()).to.have.length(0);
    await turn();
    expect(queue.collect()).to.have.length(4);
  });

  it("closes its disk when nothing is under way any more", async () => {
    const { disk, driven, send } = block();
    disk.held = true;
    send(flush, 0);
    const closed = driven.transport.close();
    await turn();
    expect(disk.calls).to.deep.equal(["flush at 0"]);
    disk.release();
    await closed;
    expect(disk.calls).to.deep.equal(["flush at 0", "close"]);
  });

  it("keeps what is beyond its limits in the queue, in order, until there may be more", async () => {
    const waits = [0, 1, 1, 0, 0];
    const asked: number[] = [];
    const throttle = {
      admit: (bytes: number): number => {
        asked.push(bytes);
        return waits.shift() ?? 0;
      },
    };
    const { disk, driven, send } = block({ throttle });
    send(read, 0, [wanted(512)]);
    await turn();
    expect(driven.queue(0).collect()).to.have.length(1);
    send(read, 0, [wanted(1024)]);
    send(read, 0, [wanted(1536)]);
    await turn();
    expect(driven.queue(0).collect()).to.deep.equal([]);
    expect(disk.calls).to.have.length(1);
    const lengths: number[] = [];
    while (lengths.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      lengths.push(
        ...driven
          .queue(0)
          .collect()
          .map(({ written }) => written),
      );
    }
    expect(lengths).to.deep.equal([1025, 1537]);
    expect(asked).to.deep.equal([512, 1024, 1024, 1024, 1536]);
    expect(driven.needsReset).to.equal(false);
  });

  it("touches nothing after a reset for which a request of its has waited", async () => {
    const { disk, driven, send } = block({ throttle: { admit: () => 1 } });
    send(read, 0, [wanted(512)]);
    driven.reset();
    await driven.settled;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(disk.calls).to.deep.equal([]);
    expect(driven.status).to.equal(0);
  });
});
