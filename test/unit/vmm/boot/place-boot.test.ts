import { expect } from "chai";
import { type BootPlan, placeBoot } from "../../../../src/vmm/boot/place-boot.js";
import { layout } from "../../../../src/vmm/machine/layout.js";
import type { GuestMemory } from "../../../../src/vmm/memory/guest-memory.js";
import { machine } from "./acpi/machine-fixture.js";
import { bzImageFile, vmlinuxFile } from "./kernel/kernel-fixture.js";
import { hexAt, mib, plainMemory } from "./plain-memory.js";
import { refusal } from "./refusal.js";

const text = { address: 16 * mib, content: Buffer.from("startup_64") };
const plan: BootPlan = {
  kernel: { name: "vmlinux", bytes: vmlinuxFile([text]) },
  initrd: { name: "initrd", bytes: Buffer.from("0707") },
  commandLine: "quiet -- single",
  machine: machine(2, 0, 2),
};

const commandLine = (memory: GuestMemory): string => {
  const bytes = Buffer.from(memory.slice(layout.commandLine, 2048));
  return bytes.toString("utf8", 0, bytes.indexOf(0));
};
const page = (memory: GuestMemory): Buffer => Buffer.from(memory.slice(layout.zeroPage, 4096));

describe("placeBoot", () => {
  it("writes all that a kernel starts with", () => {
    const memory = plainMemory(32 * mib, mib);
    const { entry, sregs, regs, commandLine: line } = placeBoot(memory, plan);
    expect([entry, regs.rip, regs.rsi, sregs.cr3]).to.deep.equal([16 * mib, 16 * mib, layout.zeroPage, layout.pml4]);
    expect(line).to.equal("quiet -- single");
    expect(commandLine(memory)).to.equal(line);
    const params = page(memory);
    expect(params.readUInt32LE(0x218)).to.equal(32 * mib - 4096);
    expect(params.readUInt32LE(0x21c)).to.equal(4);
    expect(Buffer.from(memory.slice(32 * mib - 4096, 4)).toString()).to.equal("0707");
    // Two stretches of memory, the first of which is parted.
    expect(params.readUInt8(0x1e8)).to.equal(5);
    expect(params.readBigUInt64LE(0x70)).to.equal(BigInt(layout.acpi));
    expect(Buffer.from(memory.slice(layout.acpi, 8)).toString()).to.equal("RSD PTR ");
    expect(Buffer.from(memory.slice(layout.mpTable, 4)).toString()).to.equal("_MP_");
    expect(hexAt(memory, layout.pml4, 8)).to.equal("03a0000000000000");
  });

  it("tells a kernel without ACPI of its devices by words, and of nothing by ACPI", () => {
    const memory = plainMemory(32 * mib);
    const line = placeBoot(memory, { ...plan, discovery: "command-line" }).commandLine;
    expect(line).to.equal("quiet virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6 -- single");
    expect(commandLine(memory)).to.equal(line);
    expect(page(memory).readBigUInt64LE(0x70)).to.equal(0n);
    expect(hexAt(memory, layout.acpi, 4)).to.equal("00000000");
    expect(Buffer.from(memory.slice(layout.mpTable, 4)).toString()).to.equal("_MP_");
  });

  it("lets the kernel use no more than it is told to", () => {
    const memory = plainMemory(32 * mib, mib);
    placeBoot(memory, { ...plan, usable: [{ address: 0, size: 32 * mib }] });
    expect(page(memory).readUInt8(0x1e8)).to.equal(4);
  });

  it("takes a bzImage, without an initrd", () => {
    const memory = plainMemory(32 * mib);
    const kernel = { name: "vmlinuz", bytes: bzImageFile(Buffer.alloc(0x400, 0x90)) };
    expect(placeBoot(memory, { kernel, commandLine: "", machine: plan.machine }).entry).to.equal(16 * mib + 0x200);
    const params = page(memory);
    expect([params.readUInt32LE(0x218), params.readUInt32LE(0x21c)]).to.deep.equal([0, 0]);
    expect(params.readUInt16LE(0x206)).to.equal(0x20f);
    expect(params.readUInt32LE(0x260)).to.equal(4 * mib);
  });

  it("names what does not fit", () => {
    const place =
      (more: Partial<BootPlan>, memory = plainMemory(32 * mib)) =>
      () =>
        placeBoot(memory, { ...plan, ...more });
    refusal("KATA_VMM_COMMAND_LINE_LENGTH", place({ commandLine: "a".repeat(2048) }));
    refusal("KATA_VMM_INITRD_SPACE", place({ initrd: { name: "initrd", bytes: Buffer.alloc(16 * mib) } }));
    refusal("KATA_VMM_KERNEL_SPACE", place({}, plainMemory(8 * mib)));
    refusal("KATA_VMM_LOW_MEMORY", place({}, plainMemory(0, 32 * mib)));
  });
});
