import { expect } from "chai";
import * as fc from "fast-check";
import { amlEisaId, amlNumber, amlPackage, amlText } from "../../../../../src/vmm/boot/acpi/aml/data.js";
import { amlName } from "../../../../../src/vmm/boot/acpi/aml/name.js";
import { amlDevice, amlNamed, amlScope } from "../../../../../src/vmm/boot/acpi/aml/objects.js";
import { withPackageLength } from "../../../../../src/vmm/boot/acpi/aml/package-length.js";
import {
  edgeInterrupt,
  fixedMemory,
  ioPorts,
  resourceTemplate,
} from "../../../../../src/vmm/boot/acpi/aml/resources.js";
import { refusal } from "../refusal.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const ascii = (text: string): string => Buffer.from(text, "latin1").toString("hex");

describe("AML", () => {
  it("has names of four characters, relative or from the root", () => {
    expect(hex(amlName("COM1"))).to.equal(ascii("COM1"));
    expect(hex(amlName("\\_SB"))).to.equal(ascii("\\_SB_"));
    expect(hex(amlName("\\_SB.VR00"))).to.equal(`5c2e${ascii("_SB_VR00")}`);
    expect(hex(amlName("A.B.C"))).to.equal(`2f03${ascii("A___B___C___")}`);
    for (const name of ["", "1A", "TOOLONG", "low", "A..B", "\\"]) {
      expect(refusal("KATA_VMM_TABLE_TEXT", () => amlName(name)).message).to.include(JSON.stringify(name));
    }
  });

  it("has numbers in as few bytes as they need", () => {
    const cases: [number, string][] = [
      [0, "00"],
      [1, "01"],
      [2, "0a02"],
      [0xff, "0aff"],
      [0x100, "0b0001"],
      [0xffff, "0bffff"],
      [0x10000, "0c00000100"],
      [0xd0000000, "0c000000d0"],
      [0x100000000, "0e0000000001000000"],
    ];
    for (const [value, expected] of cases) expect(hex(amlNumber(value))).to.equal(expected);
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) refusal("KATA_VMM_TABLE_VALUE", () => amlNumber(value));
  });

  it("has text and packages", () => {
    expect(hex(amlText("LNRO0005"))).to.equal(`0d${ascii("LNRO0005")}00`);
    expect(hex(amlPackage(amlNumber(5), amlNumber(0)))).to.equal("1205020a0500");
    refusal("KATA_VMM_TABLE_TEXT", () => amlText("a\0b"));
    refusal("KATA_VMM_TABLE_VALUE", () => amlPackage(...Array.from({ length: 256 }, () => amlNumber(0))));
  });

  it("has Plug and Play ids as numbers", () => {
    expect(hex(amlEisaId("PNP0501"))).to.equal("0c41d00501");
    expect(hex(amlEisaId("PNP0A03"))).to.equal("0c41d00a03");
    for (const id of ["", "PNP05", "pnp0501", "PNP050G"]) refusal("KATA_VMM_TABLE_TEXT", () => amlEisaId(id));
  });

  it("counts a package's length with the bytes that say it", () => {
    const first = (size: number): string => hex(withPackageLength(new Uint8Array(size)).subarray(0, 4));
    expect(first(0)).to.equal("01");
    expect(first(0x3e)).to.equal("3f000000");
    expect(first(0x3f)).to.equal("41040000");
    expect(first(0xffd)).to.equal("4fff0000");
    expect(first(0xffe)).to.equal("81000100");
    expect(first(0xffffc)).to.equal("8fffff00");
    expect(first(0xffffd)).to.equal("c1000001");
    refusal("KATA_VMM_TABLE_SPACE", () => withPackageLength(new Uint8Array(0xffffffc)));
    fc.assert(
      fc.property(fc.nat(0x200000), (size) => {
        const bytes = withPackageLength(new Uint8Array(size));
        const [lead = 0, ...more] = bytes.subarray(0, 4);
        const count = lead >> 6;
        const low = count === 0 ? lead & 0x3f : lead & 0xf;
        const length = more.slice(0, count).reduce((sum, byte, index) => sum + byte * 2 ** (4 + 8 * index), low);
        expect([length, bytes.length]).to.deep.equal([bytes.length, size + count + 1]);
      }),
    );
  });

  it("has resources in templates that end", () => {
    expect(hex(fixedMemory(0xd0000000, 0x1000))).to.equal("86090001000000d000100000");
    expect(hex(edgeInterrupt(5))).to.equal("890600030105000000");
    expect(hex(ioPorts(0x3f8, 8))).to.equal("4701f803f8030108");
    expect(hex(resourceTemplate(ioPorts(0x3f8, 8)))).to.equal("110d0a0a4701f803f80301087900");
    refusal("KATA_VMM_TABLE_VALUE", () => fixedMemory(0x100000000, 0x1000));
    refusal("KATA_VMM_TABLE_VALUE", () => ioPorts(0x10000, 1));
  });

  it("has devices in scopes", () => {
    const device = amlDevice("DEV0", amlNamed("_UID", amlNumber(3)));
    expect(hex(device)).to.equal(`5b820c${ascii("DEV0")}08${ascii("_UID")}0a03`);
    expect(hex(amlScope("\\_SB", device))).to.equal(`1014${ascii("\\_SB_")}${hex(device)}`);
  });
});
