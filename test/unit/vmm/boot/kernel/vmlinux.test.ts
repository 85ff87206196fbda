import { expect } from "chai";
import { loadKernel } from "../../../../../src/vmm/boot/kernel/load-kernel.js";
import { hexAt, mib, plainMemory } from "../plain-memory.js";
import { refusal } from "../refusal.js";
import { programHeaders, vmlinuxFile } from "./kernel-fixture.js";

const name = "/k/vmlinux";
const text = { address: 16 * mib, content: Buffer.from("startup_64") };
const data = { address: 17 * mib, content: Buffer.from("data"), memorySize: 8192 };

/** The good file with one change. */
function changed(change: (file: Buffer) => void): Buffer {
  const file = vmlinuxFile([text, data]);
  change(file);
  return file;
}

/** Where a field of the first loaded segment's header is. */
const field = (offset: number): number => programHeaders.at + programHeaders.size + offset;

describe("a vmlinux", () => {
  it("is loaded to its physical addresses", () => {
    const memory = plainMemory(32 * mib);
    const kernel = loadKernel(memory, { name, bytes: vmlinuxFile([data, text], 16 * mib + 2) });
    expect(kernel.format).to.equal("vmlinux");
    expect(kernel.entry).to.equal(16 * mib + 2);
    expect(kernel.end).to.equal(17 * mib + 8192);
    expect(Buffer.from(memory.slice(16 * mib, 11)).toString()).to.equal("startup_64\0");
    expect(Buffer.from(memory.slice(17 * mib, 5)).toString()).to.equal("data\0");
  });

  it("is given a setup header of what kernels take", () => {
    const { setupHeader, commandLineMax, initrdAddressMax } = loadKernel(plainMemory(32 * mib), {
      name,
      bytes: vmlinuxFile([text]),
    });
    const page = Buffer.alloc(0x290);
    Buffer.from(setupHeader).copy(page, 0x1f1);
    expect(page.readUInt16LE(0x1fe)).to.equal(0xaa55);
    expect(page.toString("latin1", 0x202, 0x206)).to.equal("HdrS");
    expect(page.readUInt16LE(0x206)).to.equal(0x20f);
    expect(page.readUInt8(0x211)).to.equal(1);
    expect(page.readUInt32LE(0x22c)).to.equal(0x7fffffff);
    expect(page.readUInt32LE(0x230)).to.equal(0x1000000);
    expect(page.readUInt16LE(0x236)).to.equal(1);
    expect(page.readUInt32LE(0x238)).to.equal(2047);
    expect(setupHeader.length).to.equal(0x264 - 0x1f1);
    expect([commandLineMax, initrdAddressMax]).to.deep.equal([2047, 0x7fffffff]);
  });

  const broken: Readonly<Record<string, [string, (file: Buffer) => void]>> = {
    "a file for 32 bits": ["EI_CLASS is 1, not 2", (file) => file.writeUInt8(1, 4)],
    "a big-endian one": ["EI_DATA is 2, not 1", (file) => file.writeUInt8(2, 5)],
    "one of another version": ["EI_VERSION is 0, not 1", (file) => file.writeUInt8(0, 6)],
    "a library": ["e_type is 3, not 2", (file) => file.writeUInt16LE(3, 16)],
    "a kernel for Arm": ["e_machine is 183, not 62", (file) => file.writeUInt16LE(183, 18)],
    "a header of another size": ["e_ehsize is 52, not 64", (file) => file.writeUInt16LE(52, 52)],
    "program headers of another size": ["e_phentsize is 32, not 56", (file) => file.writeUInt16LE(32, 54)],
    "no program headers": ["e_phnum is 0", (file) => file.writeUInt16LE(0, 56)],
    "program headers after the file": ["e_phoff puts", (file) => file.writeBigUInt64LE(BigInt(file.length), 32)],
    "an offset beyond all": ["e_phoff is 0xffffffffffffffff", (file) => file.writeBigUInt64LE(2n ** 64n - 1n, 32)],
    "nothing to load": [
      "p_type is PT_LOAD in no",
      (file) => (file.writeUInt32LE(0, field(0)), file.writeUInt16LE(2, 56)),
    ],
    "content after the file": [
      "p_filesz of program header 1 ends",
      (file) => file.writeBigUInt64LE(0x10000n, field(8)),
    ],
    "more content than memory": ["p_filesz of program header 1 is 10", (file) => file.writeBigUInt64LE(9n, field(40))],
    "an endless size": [
      "p_memsz of program header 1 is 9007199254740991",
      (file) => file.writeBigUInt64LE(2n ** 53n - 1n, field(40)),
    ],
    "segments over each other": [
      "p_paddr of program header 2 is inside",
      (file) => file.writeBigUInt64LE(BigInt(2 * mib), field(40)),
    ],
    "an entry of nothing": ["e_entry is 0x0", (file) => file.writeBigUInt64LE(0n, 24)],
  };
  for (const [what, [problem, change]] of Object.entries(broken)) {
    it(`is refused: ${what}`, () => {
      const memory = plainMemory(32 * mib);
      const error = refusal("KATA_VMM_KERNEL_FORMAT", () => loadKernel(memory, { name, bytes: changed(change) }));
      expect(error.message).to.include(name).and.include(problem);
      // Nothing was written before everything was looked at.
      expect(hexAt(memory, text.address, 4) + hexAt(memory, data.address, 4)).to.equal("00".repeat(8));
    });
  }

  it("is refused when it is cut off, or no kernel at all", () => {
    const load = (bytes: Buffer) => () => loadKernel(plainMemory(2 * mib), { name, bytes });
    expect(refusal("KATA_VMM_KERNEL_FORMAT", load(vmlinuxFile([text]).subarray(0, 40))).message).to.include("cut off");
    for (const bytes of [Buffer.alloc(0), Buffer.from("#!/bin/sh"), Buffer.alloc(4096)]) {
      expect(refusal("KATA_VMM_KERNEL_FORMAT", load(bytes)).message).to.include("neither");
    }
  });

  it("needs memory where it is to be, and none below 1 MiB", () => {
    const load = (memory: number, address: number) => () => {
      loadKernel(plainMemory(memory, mib), { name, bytes: vmlinuxFile([{ ...text, address }], address) });
    };
    const error = refusal("KATA_VMM_KERNEL_SPACE", load(16 * mib, 16 * mib));
    expect(error.message).to.include("0x1000000 to 0x100000a").and.include("at least 17 MiB");
    refusal("KATA_VMM_KERNEL_SPACE", load(16 * mib, mib - 1));
    refusal("KATA_VMM_KERNEL_SPACE", load(16 * mib, 0x100000000));
    refusal("KATA_VMM_LOW_MEMORY", load(mib / 2, mib));
    load(16 * mib, 16 * mib - text.content.length)();
  });
});
