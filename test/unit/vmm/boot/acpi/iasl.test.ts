import { expect } from "chai";
import { encodeDsdt } from "../../../../../src/vmm/boot/acpi/dsdt.js";
import { encodeFadt } from "../../../../../src/vmm/boot/acpi/fadt.js";
import { encodeMadt } from "../../../../../src/vmm/boot/acpi/madt.js";
import { encodeXsdt } from "../../../../../src/vmm/boot/acpi/root.js";
import { skip } from "../../../../support/skip.js";
import { noIasl, readWithIasl } from "./iasl.js";
import { machine } from "./machine-fixture.js";

/** The text without runs of spaces and comments, which are iasl's. */
const plain = (source: string): string => source.replaceAll(/\/\*.*?\*\/|\/\/.*/g, "").replaceAll(/\s+/g, " ");

/** The values of a field of a data table, in order. */
const values = (source: string, field: string): string[] =>
  source.split("\n").flatMap((line) => {
    const [name = "", value = ""] = line.replace(/^\[.*?\]/, "").split(" : ");
    return name.trim().replace(/ \(V\d\)$/, "") === field ? [value.trim()] : [];
  });

describe("ACPI's own compiler, reading", () => {
  before(function () {
    const reason = noIasl();
    if (reason !== undefined) skip(this, reason);
  });

  /** What it reads, having had nothing to complain about, and makes the same table of. */
  function read(table: Uint8Array): string {
    const { source, compiled, output } = readWithIasl(table);
    expect(output).to.include("0 Errors, 0 Warnings");
    expect(`${output}${source}`).to.not.match(/incorrect checksum|invalid|unknown|\berror:/i);
    expect(compiled.toString("hex")).to.equal(Buffer.from(table).subarray(36).toString("hex"));
    return source;
  }

  it("the DSDT, sees each device once", () => {
    const source = plain(read(encodeDsdt(machine(1, 0, 19))));
    expect(source).to.include("Name (\\_S5, Package (0x04) { 0x05, 0x05, Zero, Zero })").and.include("Scope (\\_SB)");
    const devices = [...source.matchAll(/Device \((\w+)\)/g)].map(([, name]) => name);
    const virtio = Array.from({ length: 19 }, (_, index) => `VR${index.toString(16).toUpperCase().padStart(2, "0")}`);
    expect(devices).to.deep.equal(["COM1", ...virtio]);
    const resources = (memory: string, line: string) =>
      `Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadWrite, ${memory}, 0x00001000, ) ` +
      `Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, ) { ${line}, } })`;
    const device = (name: string, id: string, more: string) =>
      `Device (${name}) { Name (_HID, "LNRO0005") Name (_UID, ${id}) Name (_CCA, One) ${more} }`;
    expect(source).to.include(device("VR00", "Zero", resources("0xD0000000", "0x00000005")));
    expect(source).to.include(device("VR12", "0x12", resources("0xD0012000", "0x00000017")));
    expect(source).to.include(
      'Device (COM1) { Name (_HID, EisaId ("PNP0501") ) Name (_UID, Zero) Name (_CRS, ResourceTemplate () { ' +
        "IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08, ) " +
        "Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, ) { 0x00000004, } }) }",
    );
  });

  it("the DSDT of a machine with nothing, sees nothing", () => {
    const source = plain(read(encodeDsdt({ ...machine(1, 0, 0), console: undefined })));
    expect(source).to.not.include("Device (");
  });

  it("the FADT, sees a hardware-reduced machine that can be reset and turned off", () => {
    const source = read(encodeFadt(machine(1, 0, 1), 0xe0030));
    const value = (field: string) => values(source, field);
    expect(value("Hardware Reduced")).to.deep.equal(["1"]);
    expect(value("Reset Register Supported")).to.deep.equal(["1"]);
    expect(value("Value to cause reset")).to.deep.equal(["06"]);
    expect(value("CMOS RTC Not Present")).to.deep.equal(["1"]);
    expect(value("8042 Present on ports 60/64")).to.deep.equal(["0"]);
    expect(value("DSDT Address")).to.deep.equal(["00000000", "00000000000E0030"]);
    expect([...value("Revision"), ...value("FADT Minor Revision")]).to.deep.equal(["06", "03"]);
    // Of the eleven registers, the reset register is the first, and those of sleep are the last.
    const addresses = value("Address");
    expect(addresses).to.have.length(11);
    expect([addresses[0], ...addresses.slice(-2)]).to.deep.equal([
      "0000000000000CF9",
      "0000000000000600",
      "0000000000000601",
    ]);
    const keyboard = read(encodeFadt({ ...machine(1, 0, 1), keyboard: true }, 0xe0030));
    expect(values(keyboard, "8042 Present on ports 60/64")).to.deep.equal(["1"]);
  });

  it("the MADT, sees processors of small and of large ids, those that are there and those that may come", () => {
    const source = read(encodeMadt(machine(257, 0, 0)));
    const kinds = values(source, "Subtable Type").map((kind) => kind.slice(0, 2));
    expect(kinds).to.deep.equal([...Array<string>(255).fill("00"), "09", "09", "01"]);
    expect(values(source, "Local Apic ID").slice(-1)).to.deep.equal(["FE"]);
    expect(values(source, "Processor x2Apic ID")).to.deep.equal(["000000FF", "00000100"]);
    const small = read(encodeMadt(machine(2, 1, 0)));
    expect(values(small, "Processor Enabled")).to.deep.equal(["1", "1", "0"]);
    expect(values(small, "Runtime Online Capable")).to.deep.equal(["0", "0", "1"]);
    expect(values(small, "Local Apic Address")).to.deep.equal(["FEE00000"]);
    expect([...values(small, "Address"), ...values(small, "Interrupt")]).to.deep.equal(["FEC00000", "00000000"]);
  });

  it("the XSDT", () => {
    const source = read(encodeXsdt([0xe0580, 0xe06a0]));
    expect(source).to.include("00000000000E0580").and.include("00000000000E06A0");
  });
});
