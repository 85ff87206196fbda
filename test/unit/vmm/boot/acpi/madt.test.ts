import { expect } from "chai";
import { encodeMadt } from "../../../../../src/vmm/boot/acpi/madt.js";
import { machine } from "./machine-fixture.js";

describe("the MADT", () => {
  it("has a processor an entry, of the kind that its id has room in, then the I/O APIC", () => {
    const processors = [
      { id: 0, enabled: true },
      { id: 254, enabled: false },
      { id: 255, enabled: true },
      { id: 4096, enabled: false },
    ];
    const table = encodeMadt({ ...machine(1, 0, 0), processors });
    const entries = [
      "0000e0fe00000000", // the local APICs' address, no 8259s
      "0008000001000000",
      "0008fefe02000000",
      "09100000ff00000001000000ff000000",
      "09100000001000000200000000100000",
      "010c00000000c0fe00000000",
    ];
    expect(Buffer.from(table).toString("hex", 36)).to.equal(entries.join(""));
  });
});
