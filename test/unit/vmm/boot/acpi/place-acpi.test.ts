import { expect } from "chai";
import { placeAcpi } from "../../../../../src/vmm/boot/acpi/place-acpi.js";
import { layout } from "../../../../../src/vmm/machine/layout.js";
import type { GuestMemory } from "../../../../../src/vmm/memory/guest-memory.js";
import { hexAt, mib, plainMemory } from "../plain-memory.js";
import { refusal } from "../refusal.js";
import { machine } from "./machine-fixture.js";

const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => (all + byte) & 0xff, 0);

/** A table's bytes, whose sum must be 0. */
function tableAt(memory: GuestMemory, address: number): Buffer {
  const bytes = Buffer.from(memory.slice(address, memory.readU32(address + 4)));
  expect(sum(bytes), `checksum at ${address}`).to.equal(0);
  return bytes;
}

describe("ACPI's tables in memory", () => {
  it("are found from the root pointer", () => {
    const memory = plainMemory(2 * mib);
    const root = placeAcpi(memory, machine(2, 2, 3));
    expect(root).to.equal(layout.acpi);
    expect(sum(memory.slice(root, 20))).to.equal(0);
    expect(sum(memory.slice(root, 36))).to.equal(0);
    const xsdt = memory.readU64(root + 24);
    const id = Buffer.from("RSD PTR ").toString("hex");
    const [first, second] = [memory.slice(root + 8, 1)[0] ?? 0, memory.slice(root + 32, 1)[0] ?? 0];
    const byte = (value: number) => value.toString(16).padStart(2, "0");
    const address = Buffer.alloc(8);
    address.writeBigUInt64LE(BigInt(xsdt));
    expect(hexAt(memory, root, 36)).to.equal(
      `${id}${byte(first)}4b4154412020020000000024000000${address.toString("hex")}${byte(second)}000000`,
    );
    const table = tableAt(memory, xsdt);
    expect(table.toString("latin1", 0, 4)).to.equal("XSDT");
    expect(table.length).to.equal(36 + 2 * 8);
    const [fadt, madt] = [36, 44].map((at) => tableAt(memory, Number(table.readBigUInt64LE(at))));
    expect([fadt?.toString("latin1", 0, 4), madt?.toString("latin1", 0, 4)]).to.deep.equal(["FACP", "APIC"]);
    const dsdt = tableAt(memory, Number(fadt?.readBigUInt64LE(140)));
    expect(dsdt.toString("latin1", 0, 4)).to.equal("DSDT");
    expect(xsdt + table.length).to.be.lessThan(layout.acpiEnd);
  });

  it("have in a header who made them", () => {
    const memory = plainMemory(2 * mib);
    const xsdt = memory.readU64(placeAcpi(memory, machine(1, 0, 0)) + 24);
    const table = tableAt(memory, xsdt);
    table.writeUInt8(0, 9);
    expect(table.subarray(0, 36).toString("hex")).to.equal(
      `${Buffer.from("XSDT").toString("hex")}34000000` +
        `0100${Buffer.from("KATA  KATA-TS ").toString("hex")}01000000${Buffer.from("KATA").toString("hex")}01000000`,
    );
  });

  it("are refused when there is no room for them, and nothing is written", () => {
    const memory = plainMemory(2 * mib);
    const many = { ...machine(1, 0, 0), processors: Array.from({ length: 9000 }, (_, id) => ({ id, enabled: true })) };
    const error = refusal("KATA_VMM_TABLE_SPACE", () => placeAcpi(memory, many));
    expect(error.message).to.include("ACPI").and.include("131072");
    expect(Buffer.from(memory.slice(0, 2 * mib)).equals(Buffer.alloc(2 * mib))).to.equal(true);
  });
});
