import { expect } from "chai";
import { kvmRegs, kvmSregs } from "../../../../src/core/kvm/abi.js";
import { encodeGeneralRegisters, writeSpecialRegisters } from "../../../../src/core/kvm/registers.js";
import {
  placeStartTables,
  startGeneralRegisters,
  startSpecialRegisters,
} from "../../../../src/vmm/boot/start-state.js";
import { layout } from "../../../../src/vmm/machine/layout.js";
import { hexAt, mib, plainMemory } from "./plain-memory.js";

describe("what a vCPU starts with", () => {
  it("has descriptors that say the same as its registers", () => {
    const memory = plainMemory(mib);
    placeStartTables(memory);
    expect(hexAt(memory, layout.gdt, 48)).to.equal(
      [
        "0000000000000000",
        "0000000000000000",
        "ffff0000009baf00", // code, 64 bits
        "ffff00000093cf00", // data
        "67000000008b0000", // a busy task of 64 bits, in two entries
        "0000000000000000",
      ].join(""),
    );
    expect(layout.gdt + 48).to.be.most(layout.idt);
    const { cs, data, tr, gdt, idt } = startSpecialRegisters;
    // __BOOT_CS and __BOOT_DS of the boot protocol.
    expect([cs.selector, data.selector, tr.selector]).to.deep.equal([0x10, 0x18, 0x20]);
    expect([gdt, idt]).to.deep.equal([
      { base: 0x500, limit: 47 },
      { base: 0x540, limit: 15 },
    ]);
  });

  it("has page tables that map 4 GiB to themselves", () => {
    const memory = plainMemory(mib);
    placeStartTables(memory);
    /** The physical address that a processor finds for a linear one. */
    const walk = (linear: number): number | undefined => {
      let table = startSpecialRegisters.cr3;
      for (const [shift, indexBits] of [39, 30, 21].map((bits) => [2 ** bits, 512] as const)) {
        const entry = memory.readU64(table + (Math.floor(linear / shift) % indexBits) * 8);
        if ((entry & 3) !== 3) return undefined;
        if ((entry & 0x80) !== 0) return entry - (entry % 4096) + (linear % shift);
        table = entry - (entry % 4096);
      }
      return undefined;
    };
    for (let linear = 0; linear < 2 ** 32; linear += 2 ** 21) expect(walk(linear + 0x1234)).to.equal(linear + 0x1234);
    expect(walk(2 ** 32)).to.equal(undefined);
    expect(walk(2 ** 39)).to.equal(undefined);
    expect(layout.pd + 4 * 4096).to.be.most(layout.commandLine);
  });

  it("is written over what KVM gave, and leaves the local APIC as it was", () => {
    const sregs = Buffer.alloc(kvmSregs.size, 0xaa);
    writeSpecialRegisters(sregs, startSpecialRegisters);
    const segment = (at: number) => sregs.toString("hex", at, at + 23);
    expect(segment(0)).to.equal("0000000000000000ffffffff10000b0100000101010000");
    for (const at of [24, 48, 72, 96, 120]) {
      expect(segment(at)).to.equal("0000000000000000ffffffff1800030100010100010000");
    }
    expect(segment(144)).to.equal("00000000000000006700000020000b0100000000000000");
    expect(segment(168)).to.equal("aa".repeat(23));
    expect(sregs.toString("hex", 192, 202)).to.equal("00050000000000002f00");
    expect(sregs.toString("hex", 208, 218)).to.equal("40050000000000000f00");
    expect(sregs.readBigUInt64LE(224)).to.equal(0x80000033n);
    expect(sregs.readBigUInt64LE(240)).to.equal(0x9000n);
    expect(sregs.readBigUInt64LE(248)).to.equal(0x20n);
    expect(sregs.readBigUInt64LE(264)).to.equal(0x500n);
    // cr2, cr8, apic_base and the interrupts
    for (const [from, to] of [
      [232, 240],
      [256, 264],
      [272, 312],
    ] as const) {
      expect(sregs.toString("hex", from, to)).to.equal("aa".repeat(to - from));
    }
  });

  it("begins at the entry with boot_params in rsi, interrupts off", () => {
    const regs = Buffer.from(encodeGeneralRegisters(startGeneralRegisters(0x1000200)));
    expect(regs.length).to.equal(kvmRegs.size);
    const set = Array.from({ length: 18 }, (_, index) => regs.readBigUInt64LE(index * 8));
    // rax rbx rcx rdx rsi rdi rsp rbp r8 to r15 rip rflags
    expect(set).to.deep.equal([
      0n,
      0n,
      0n,
      0n,
      0x7000n,
      0n,
      0x8ff0n,
      0x8ff0n,
      0n,
      0n,
      0n,
      0n,
      0n,
      0n,
      0n,
      0n,
      0x1000200n,
      2n,
    ]);
  });
});
