import { expect } from "chai";
import * as fc from "fast-check";
import { loadKernel } from "../../../../../src/vmm/boot/kernel/load-kernel.js";
import type { GuestMemory } from "../../../../../src/vmm/memory/guest-memory.js";
import { mib, plainMemory } from "../plain-memory.js";
import { orRefusal } from "../refusal.js";
import { bzImageFile, vmlinuxFile } from "./kernel-fixture.js";

const memorySize = 4 * mib;
const runs = 10_000;

/** Numbers that fields have when somebody means harm, among others; as 8 bytes. */
const arbitraryValue = fc.oneof(
  fc.constantFrom(0n, 1n, 0x7fffffffn, 0xffffffffn, 0x100000000n, (1n << 53n) - 1n, 1n << 53n, (1n << 64n) - 1n),
  fc.bigInt(0n, 16n * BigInt(mib)),
  fc.bigInt(0n, (1n << 64n) - 1n),
);

/** A change of 1 to 8 bytes at one of these places. */
const arbitraryEdits = (places: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(places, fc.constantFrom(1, 2, 4, 8), arbitraryValue), { minLength: 1, maxLength: 4 });

function edited(file: Buffer, edits: readonly (readonly [number, number, bigint])[], length: number): Buffer {
  const copy = Buffer.from(file);
  for (const [at, bytes, value] of edits) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(value);
    number.copy(copy, at, 0, bytes);
  }
  return copy.subarray(0, length);
}

describe("hostile kernels", () => {
  const plain = plainMemory(memorySize);
  /** A loader that asks for what is not there, or for what is not a kernel's, fails the test: it has to look first. */
  const memory: GuestMemory = {
    ...plain,
    slice(address, length) {
      if (address < mib || address + length > memorySize)
        throw new Error(`${length} bytes at ${address} were asked for`);
      return plain.slice(address, length);
    },
  };

  let loaded = 0;
  /** Loads it or refuses it with an error of ours; what is loaded begins and ends in the memory. */
  const attempt = (bytes: Buffer): void => {
    const kernel = orRefusal(() => loadKernel(memory, { name: "vmlinux", bytes }));
    if (kernel === undefined) return;
    loaded++;
    expect(kernel.entry).to.be.within(mib, memorySize);
    expect(kernel.end).to.be.within(mib, memorySize);
    expect(kernel.setupHeader.length).to.be.most(0x290 - 0x1f1);
  };
  /** Some must still be loaded: else only the first check was tried. */
  const someLoaded = (): void => {
    expect(loaded).to.be.greaterThan(runs / 200);
    loaded = 0;
  };

  it("of ELF are loaded into their memory or refused", () => {
    const file = vmlinuxFile(
      [
        { address: mib, content: Buffer.alloc(64, 1) },
        { address: 2 * mib, content: Buffer.alloc(64, 2), memorySize: 4096 },
      ],
      mib,
    );
    // Fields are at multiples of 2; the header, then three program headers.
    const places = fc.nat((64 + 3 * 56) / 2).map((half) => half * 2);
    const lengths = fc.oneof(fc.constant(file.length), fc.nat(file.length));
    const property = fc.property(arbitraryEdits(places), lengths, (edits, length) =>
      attempt(edited(file, edits, length)),
    );
    fc.assert(property, { numRuns: runs });
    someLoaded();
  });

  it("of bzImage are loaded into their memory or refused", () => {
    const file = bzImageFile(Buffer.alloc(0x400), { preferred: 2 * mib, initSize: mib });
    const fields = [0x1f1, 0x1f4, 0x1fe, 0x201, 0x202, 0x206, 0x211, 0x22c, 0x230, 0x234, 0x236, 0x238, 0x258, 0x260];
    const places = fc.oneof(fc.constantFrom(...fields), fc.nat({ max: 0x290 }));
    const lengths = fc.oneof(fc.constant(file.length), fc.nat(file.length));
    const property = fc.property(arbitraryEdits(places), lengths, (edits, length) =>
      attempt(edited(file, edits, length)),
    );
    fc.assert(property, { numRuns: runs });
    someLoaded();
  });

  it("of any bytes are refused", () => {
    const begin = fc.constantFrom(Buffer.alloc(0), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]), Buffer.alloc(0x1f1));
    const property = fc.property(begin, fc.uint8Array({ maxLength: 1024, size: "max" }), (first, rest) =>
      attempt(Buffer.concat([first, rest])),
    );
    fc.assert(property, { numRuns: runs / 2 });
    loaded = 0;
  });
});
