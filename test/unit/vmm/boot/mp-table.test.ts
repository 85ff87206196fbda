import { expect } from "chai";
import { encodeMpTable, placeMpTable } from "../../../../src/vmm/boot/mp-table.js";
import { layout } from "../../../../src/vmm/machine/layout.js";
import { machine } from "./acpi/machine-fixture.js";
import { mib, plainMemory } from "./plain-memory.js";
import { refusal } from "./refusal.js";

const text = (value: string): string => Buffer.from(value, "latin1").toString("hex");
const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => (all + byte) & 0xff, 0);

describe("the MP table", () => {
  it("is byte for byte as the specification has it", () => {
    const memory = plainMemory(2 * mib);
    placeMpTable(memory, machine(1, 1, 0));
    const pointer = Buffer.from(memory.slice(layout.mpTable, 16));
    expect(sum(pointer)).to.equal(0);
    pointer.writeUInt8(0, 10);
    expect(pointer.toString("hex")).to.equal(`${text("_MP_")}10fc09000104000000000000`);
    const table = Buffer.from(memory.slice(layout.mpTable + 16, 44 + 2 * 20 + 8 + 8 + 24 * 8 + 2 * 8));
    expect(table.readUInt16LE(4)).to.equal(table.length);
    expect(sum(table)).to.equal(0);
    table.writeUInt8(0, 7);
    const interrupts = Array.from({ length: 24 }, (_, line) => {
      const byte = line.toString(16).padStart(2, "0");
      return `0300000000${byte}00${byte}`;
    });
    expect(table.toString("hex")).to.equal(
      [
        `${text("PCMP")}34010400${text("KATA    KATA-TS     ")}00000000`,
        "00001e000000e0fe00000000",
        "0000140300000000010200000000000000000000",
        "0001140000000000010200000000000000000000",
        `0100${text("ISA   ")}`,
        "020011010000c0fe",
        ...interrupts,
        "0403000000000000",
        "040100000000ff01",
      ].join(""),
    );
  });

  it("has room for all processors that 8 bits number, and leaves out those above", () => {
    const size = (count: number) => encodeMpTable(machine(count, 0, 0), layout.mpTable).length;
    expect(size(255) - size(254)).to.equal(20);
    expect(size(300)).to.equal(size(255));
    expect(layout.mpTable + size(300)).to.be.lessThan(layout.acpi);
    placeMpTable(plainMemory(2 * mib), machine(300, 0, 0));
  });

  it("is refused when it is to say what it has no room for", () => {
    const of = (more: object) => () => placeMpTable(plainMemory(2 * mib), { ...machine(1, 0, 0), ...more });
    const processors = Array.from({ length: 14_000 }, () => ({ id: 1, enabled: true }));
    refusal("KATA_VMM_TABLE_VALUE", of({ processors }));
    refusal("KATA_VMM_TABLE_VALUE", of({ localApic: 0x100000000 }));
    refusal("KATA_VMM_TABLE_VALUE", of({ ioApic: { id: 256, address: 0, lines: 1 } }));
  });
});
