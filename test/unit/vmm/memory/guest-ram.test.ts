import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { layout } from "../../../../src/vmm/machine/layout.js";
import { discardPages } from "../../../../src/vmm/memory/discard-pages.js";
import {
  createGuestRam,
  type GuestRam,
  type GuestRamOptions,
  memoryRanges,
  openMemory,
} from "../../../../src/vmm/memory/guest-ram.js";
import { thrown } from "../../core/sys/fixture.js";

const gibibyte = 2 ** 30;

/** How many pages there are from an address on, of one mebibyte. */
function pagesOf(address: bigint): number {
  const words = Buffer.alloc(256 * 8);
  const pagemap = openSync("/proc/self/pagemap", "r");
  readSync(pagemap, words, { position: Number(address / 4096n) * 8 });
  closeSync(pagemap);
  const present = Array.from({ length: 256 }, (_, at) => words.readInt32LE(at * 8 + 4) < 0);
  return present.filter(Boolean).length;
}

describe("the memory of a machine", () => {
  const sys = createLinuxSys();
  const made: GuestRam[] = [];
  const ram = (bytes: number, options: GuestRamOptions = {}): GuestRam => {
    const one = createGuestRam(sys, bytes, options);
    made.push(one);
    return one;
  };
  afterEach(() => {
    for (const one of made.splice(0)) one.close();
  });

  it("goes on above the hole for devices", () => {
    expect(memoryRanges(gibibyte)).to.deep.equal([{ address: 0, size: gibibyte }]);
    expect(memoryRanges(layout.holeStart)).to.deep.equal([{ address: 0, size: layout.holeStart }]);
    expect(memoryRanges(layout.holeStart + 4096)).to.deep.equal([
      { address: 0, size: layout.holeStart },
      { address: layout.holeEnd, size: 4096 },
    ]);
    for (const bytes of [0, -4096, 4095, 4097, Number.NaN, 2 ** 60]) {
      expect(
        thrown(() => memoryRanges(bytes)),
        String(bytes),
      ).to.equal("KATA_VMM_MEMORY_SIZE");
    }
  });

  it("has a place for what is plugged later, which touches nothing else", () => {
    for (const bytes of [4096, gibibyte, layout.holeStart, layout.holeStart + gibibyte]) {
      const { regions, pluggable } = ram(bytes);
      expect(pluggable).to.equal(undefined);
      const more = ram(bytes, { pluggable: 2 * gibibyte });
      expect(more.regions.slice(0, -1).map((r) => r.size)).to.deep.equal(regions.map((r) => r.size));
      const { address = 0, size } = more.pluggable ?? {};
      const before = more.regions.at(-2) ?? expect.fail();
      expect([address % gibibyte, size]).to.deep.equal([0, 2 * gibibyte]);
      expect(address)
        .to.be.greaterThan(before.address + before.size)
        .and.at.least(layout.holeEnd);
      more.memory.writeU32(address + 2 * gibibyte - 4, 5);
    }
    expect(thrown(() => ram(4096, { pluggable: 100 }))).to.equal("KATA_VMM_MEMORY_SIZE");
  });

  it("reads and writes little-endian, and through views", () => {
    const { memory } = ram(1 << 20);
    memory.writeU16(2, 0x1234);
    memory.writeU32(8, 0xfedcba98);
    memory.writeU64(16, 0x1f_ffff_ffff_fffe);
    memory.storeU16(24, 0xabcd);
    expect(Array.from(memory.slice(2, 2))).to.deep.equal([0x34, 0x12]);
    expect(Array.from(memory.slice(8, 4))).to.deep.equal([0x98, 0xba, 0xdc, 0xfe]);
    expect([memory.readU16(2), memory.readU32(8), memory.readU64(16)]).to.deep.equal([
      0x1234, 0xfedcba98, 0x1f_ffff_ffff_fffe,
    ]);
    expect([memory.loadU16(24), memory.readU16(24)]).to.deep.equal([0xabcd, 0xabcd]);
    expect(memory.addressOf(memory.slice(5000, 10).subarray(3, 4))).to.equal(5003);
  });

  it("refuses what is not all in one stretch, and numbers that no address is", () => {
    const { memory } = ram(1 << 20);
    const end = 1 << 20;
    for (const [address, length] of [
      [end, 1],
      [end - 1, 2],
      [0, end + 1],
      [-1, 1],
      [1, 2 ** 53],
      [2 ** 53 - 1, 2 ** 53 - 1],
      [Number.NaN, 1],
      [0, Number.NaN],
      [layout.holeEnd, 1],
    ] as const) {
      expect(
        thrown(() => memory.slice(address, length)),
        `${address} ${length}`,
      ).to.equal("KATA_VMM_GUEST_ADDRESS");
    }
    expect(memory.slice(end - 1, 1)).to.have.length(1);
    expect(memory.slice(2 ** 60, 0)).to.have.length(0);
    memory.slice(0, 8).fill(0xff);
    expect(thrown(() => memory.readU64(0))).to.equal("KATA_VMM_GUEST_NUMBER");
    expect(thrown(() => memory.loadU16(1))).to.equal("KATA_VMM_GUEST_ALIGNMENT");
    expect(thrown(() => memory.storeU16(end - 1, 1))).to.equal("KATA_VMM_GUEST_ALIGNMENT");
    expect(thrown(() => memory.addressOf(new Uint8Array(8)))).to.equal("KATA_VMM_NOT_GUEST_MEMORY");
  });

  it("reaches every byte of a stretch that is longer than any array", () => {
    const { memory } = ram(layout.holeStart + 9 * gibibyte);
    const high = layout.holeEnd;
    for (const into of [0, 2, 4, 5, 8, 9].map((n) => n * gibibyte)) {
      for (const address of [into - 8, into].filter((n) => n >= 0 && n < 9 * gibibyte)) {
        memory.writeU64(high + address, address + 7);
        const view = memory.slice(high + address, 8);
        expect(new DataView(view.buffer, view.byteOffset).getBigUint64(0, true)).to.equal(BigInt(address + 7));
        expect(memory.addressOf(view)).to.equal(high + address);
      }
    }
    memory.slice(high + 2 * gibibyte - 4, 8).fill(0x11);
    expect(memory.readU32(high + 2 * gibibyte)).to.equal(0x11111111);
    expect(memory.slice(high + 2 * gibibyte - 4096, 2 * gibibyte)).to.have.length(2 * gibibyte);
    expect(thrown(() => memory.slice(high + 9 * gibibyte - 1, 2))).to.equal("KATA_VMM_GUEST_ADDRESS");
    expect(thrown(() => memory.slice(layout.holeStart - 1, 2))).to.equal("KATA_VMM_GUEST_ADDRESS");
  });

  it("is the same in a thread that opens it", async () => {
    const { regions, memory } = ram(1 << 20);
    memory.writeU32(4096, 41);
    const source = `
      const { workerData, parentPort } = require("node:worker_threads");
      Promise.all([import(workerData.sys), import(workerData.ram)]).then(([sys, ram]) => {
        const memory = ram.openMemory(sys.createLinuxSys().devices, workerData.regions);
        memory.writeU32(4096, memory.readU32(4096) + 1);
        parentPort.postMessage("done");
      });`;
    const url = (path: string): string => new URL(`../../../../src/${path}`, import.meta.url).href;
    const workerData = { regions, sys: url("core/sys/linux/index.js"), ram: url("vmm/memory/guest-ram.js") };
    const worker = new Worker(source, { eval: true, workerData });
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    await worker.terminate();
    expect(memory.readU32(4096)).to.equal(42);
  });

  it("gives pages back to the host, for everyone who has it mapped", () => {
    const { regions, memory } = ram(1 << 20, { shared: true });
    const other = openMemory(sys.devices, regions);
    memory.slice(0, 1 << 20).fill(7);
    const { backing } = regions[0] ?? expect.fail();
    const fd = backing.kind === "file" ? backing.fd : expect.fail();
    const before = fstatSync(fd).blocks;
    discardPages(sys, regions)(8192, 16384);
    expect(fstatSync(fd).blocks).to.equal(before - 32);
    expect([other.readU16(8190), other.readU32(8192), other.readU32(24576)]).to.deep.equal([0x0707, 0, 0x07070707]);
    const bytes = Buffer.alloc(2);
    readSync(fd, bytes, 0, 2, 8191);
    expect([...bytes]).to.deep.equal([7, 0]);
  });

  it("gives pages back that are nobody else's", () => {
    const { regions, memory } = ram(1 << 20);
    const { hostAddress } = regions[0] ?? expect.fail();
    memory.slice(0, 1 << 20).fill(7);
    const before = pagesOf(hostAddress);
    discardPages(sys, regions)(8192, 16384);
    expect(pagesOf(hostAddress)).to.equal(before - 4);
    expect([memory.readU16(8190), memory.readU32(8192), memory.readU32(24576)]).to.deep.equal([0x0707, 0, 0x07070707]);
  });

  it("gives nothing back of other memory, nor of what was saved", () => {
    const { regions } = ram(1 << 20);
    const discard = discardPages(sys, regions);
    expect(thrown(() => discard(1 << 20, 4096))).to.equal("KATA_VMM_GUEST_ADDRESS");
    expect(thrown(() => discard(4096, 1 << 20))).to.equal("KATA_VMM_GUEST_ADDRESS");
    const saved = regions.map((region) => ({ ...region, backing: { kind: "saved" } as const }));
    expect(thrown(() => discardPages(sys, saved))).to.equal("KATA_VMM_MEMORY_SAVED");
  });

  it("begins where huge pages do, as the guest's own address", () => {
    for (const shared of [false, true]) {
      const { regions } = ram(layout.holeStart + 4096, { shared });
      const within = regions.map(({ address, hostAddress }) => (BigInt(address) - hostAddress) % BigInt(2 ** 21));
      expect(within).to.deep.equal([0n, 0n]);
    }
  });
});
