import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { extractVmlinux } from "../../../../../guest/image/vmlinux.js";
import { loadKernel } from "../../../../../src/vmm/boot/kernel/load-kernel.js";
import { skip } from "../../../../support/skip.js";
import { mib, plainMemory } from "../plain-memory.js";
import { refusal } from "../refusal.js";
import { bzImageFile } from "./kernel-fixture.js";

const name = "/k/vmlinuz";
const code = Buffer.alloc(0x300, "packed");

describe("a bzImage", () => {
  it("is loaded to the address it prefers, and keeps its setup header", () => {
    const memory = plainMemory(32 * mib);
    const bytes = bzImageFile(code);
    const kernel = loadKernel(memory, { name, bytes });
    expect(kernel.format).to.equal("bzImage");
    expect(kernel.entry).to.equal(16 * mib + 0x200);
    expect(kernel.end).to.equal(20 * mib);
    expect(Buffer.from(memory.slice(16 * mib, code.length)).equals(code)).to.equal(true);
    expect(Buffer.from(kernel.setupHeader).equals(bytes.subarray(0x1f1, 0x26c))).to.equal(true);
    expect([kernel.initrdAddressMax, kernel.commandLineMax]).to.deep.equal([0x7fffffff, 2047]);
  });

  it("is moved to its alignment when it can be, and has four sectors of set-up code when it says none", () => {
    const entry = (relocatable: boolean) => {
      const bytes = bzImageFile(code, { sectors: 0, preferred: 9 * mib, relocatable });
      return loadKernel(plainMemory(32 * mib), { name, bytes }).entry;
    };
    expect(entry(true)).to.equal(10 * mib + 0x200);
    expect(entry(false)).to.equal(9 * mib + 0x200);
  });

  const broken: Readonly<Record<string, [string, (file: Buffer) => void]>> = {
    "no boot sector": ["boot_flag is 0x0", (file) => file.writeUInt16LE(0, 0x1fe)],
    "an old protocol": ["version is 0x20b", (file) => file.writeUInt16LE(0x20b, 0x206)],
    "a zImage": ["loadflags", (file) => file.writeUInt8(0, 0x211)],
    "one for 32 bits": ["xloadflags", (file) => file.writeUInt16LE(2, 0x236)],
    "a short header": ["jump ends the setup header at 0x212", (file) => file.writeUInt8(0x10, 0x201)],
    "a long header": ["jump ends the setup header at 0x291", (file) => file.writeUInt8(0x8f, 0x201)],
    "more set-up code than file": ["syssize", (file) => file.writeUInt8(255, 0x1f1)],
    "more kernel than file": ["syssize is 50, 800 bytes", (file) => file.writeUInt32LE(50, 0x1f4)],
    "no alignment": ["kernel_alignment is 0x0", (file) => file.writeUInt32LE(0, 0x230)],
    "an odd alignment": ["kernel_alignment is 0x3", (file) => file.writeUInt32LE(3, 0x230)],
    "an endless address": ["pref_address is 0xffffffffffffffff", (file) => file.writeBigInt64LE(-1n, 0x258)],
  };
  for (const [what, [problem, change]] of Object.entries(broken)) {
    it(`is refused: ${what}`, () => {
      const bytes = bzImageFile(Buffer.alloc(0x300));
      change(bytes);
      const error = refusal("KATA_VMM_KERNEL_FORMAT", () => loadKernel(plainMemory(32 * mib), { name, bytes }));
      expect(error.message).to.include(name).and.include(problem);
    });
  }

  it("needs as much memory as it says it unpacks itself into", () => {
    const load = (size: number, fields: Parameters<typeof bzImageFile>[1]) => () =>
      loadKernel(plainMemory(size), { name, bytes: bzImageFile(code, fields) });
    const error = refusal("KATA_VMM_KERNEL_SPACE", load(20 * mib - 4096, {}));
    expect(error.message).to.include("0x1000000 to 0x1400000").and.include("at least 20 MiB");
    refusal("KATA_VMM_KERNEL_SPACE", load(20 * mib, { preferred: 0, relocatable: false }));
    expect(load(20 * mib, {})().end).to.equal(20 * mib);
  });
});

describe("Debian's kernel", () => {
  /** The distribution's kernel, if this machine has one. */
  function debianKernel(): Buffer | undefined {
    const found = existsSync("/boot")
      ? readdirSync("/boot").find((file) => /^vmlinuz-.*-cloud-amd64$/.test(file))
      : undefined;
    return found === undefined ? undefined : readFileSync(`/boot/${found}`);
  }

  it("is loaded as the bzImage it is", function () {
    const bytes = debianKernel();
    if (bytes === undefined) return skip(this, "there is no kernel of Debian's cloud-amd64 in /boot");
    const memory = plainMemory(128 * mib);
    const kernel = loadKernel(memory, { name: "vmlinuz", bytes });
    expect(kernel.entry).to.equal(0x1000200);
    expect(kernel.end).to.equal(0x1000000 + bytes.readUInt32LE(0x260));
    const start = (bytes.readUInt8(0x1f1) + 1) * 512;
    expect(Buffer.from(memory.slice(0x1000000, bytes.length - start)).equals(bytes.subarray(start))).to.equal(true);
  });

  it("is loaded as the vmlinux inside of it", async function () {
    const image = debianKernel();
    if (image === undefined) return skip(this, "there is no kernel of Debian's cloud-amd64 in /boot");
    const memory = plainMemory(128 * mib);
    const kernel = loadKernel(memory, { name: "vmlinux", bytes: await extractVmlinux(image) });
    expect(kernel.format).to.equal("vmlinux");
    expect(kernel.entry).to.equal(0x1000000);
    // All that it unpacks into is within what its bzImage asks for.
    expect(kernel.end).to.be.greaterThan(0x1000000 + 16 * mib);
    expect(kernel.end).to.be.most(0x1000000 + image.readUInt32LE(0x260));
  });
});
