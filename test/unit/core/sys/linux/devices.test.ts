import { existsSync, readFileSync, writeSync } from "node:fs";
import { expect } from "chai";
import { viewLimit } from "../../../../../src/core/sys/devices.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { thrown } from "../fixture.js";

const fionread = 0x541b;

describe("devices", () => {
  const { devices, descriptors } = createLinuxSys();

  it("are asked by ioctl", () => {
    const { read, write } = descriptors.pipe();
    writeSync(write, "12345");
    const count = Buffer.alloc(4);
    expect(devices.ioctl(read, fionread, count)).to.equal(0);
    expect(count.readInt32LE(0)).to.equal(5);
    expect(thrown(() => devices.ioctl(read, 0xae00))).to.equal("ENOTTY");
    descriptors.close(read);
    descriptors.close(write);
  });

  it("share memory with a file", () => {
    const fd = descriptors.memfd("shared", 8192);
    const mapping = devices.map({ fd, length: 4096, offset: 4096, write: true });
    mapping.bytes.set(Buffer.from("hello"), 1);
    const file = readFileSync(`/proc/self/fd/${fd}`);
    expect(String(file.subarray(4097, 4102))).to.equal("hello");
    writeSync(fd, "J", 4097);
    expect(mapping.bytes[1]).to.equal("J".charCodeAt(0));
    mapping.unmap();
    descriptors.close(fd);
  });

  it("leave harmless zeros when a mapping is undone", () => {
    const mapping = devices.map({ length: 1 << 20, write: true, shared: false, noReserve: true });
    mapping.bytes.fill(7);
    const view = new DataView(mapping.bytes.buffer);
    mapping.unmap();
    mapping.unmap();
    expect(view.getUint32(4096)).to.equal(0);
    expect(mapping.bytes.every((byte) => byte === 0)).to.equal(true);
  });

  it("map a part of a mapping to something else", () => {
    const fd = descriptors.memfd("part", 8192);
    writeSync(fd, "file", 4096);
    const mapping = devices.map({ length: 12288, write: true, shared: false, noReserve: true });
    const part = { fd, length: 4096, offset: 4096, write: true, shared: false };
    devices.mapOver(mapping, 4096, part);
    expect(Array.from(mapping.bytes.subarray(4095, 4100))).to.deep.equal([0, ...Buffer.from("file")]);
    mapping.bytes.set(Buffer.from("mine"), 4096);
    expect(String(readFileSync(`/proc/self/fd/${fd}`).subarray(4096, 4100))).to.equal("file");
    for (const at of [-4096, 8193, 12288, Number.NaN]) {
      expect(
        thrown(() => devices.mapOver(mapping, at, part)),
        String(at),
      ).to.equal("KATA_SYS_VALUE");
    }
    mapping.unmap();
    expect(mapping.bytes[4096]).to.equal(0);
    descriptors.close(fd);
  });

  it("take pages back", () => {
    const mapping = devices.map({ length: 8192, write: true, shared: false });
    mapping.bytes.fill(7);
    devices.discard(mapping.address + 4096n, 4096);
    expect([mapping.bytes[4095], mapping.bytes[4096]]).to.deep.equal([7, 0]);
    mapping.unmap();
  });

  it("map where they are told to begin, and what a forked process does not have", () => {
    const alignment = 2 ** 21;
    for (const length of [4096, 10_000, 3 * alignment]) {
      const mapping = devices.map({ length, alignment, write: true, shared: false, huge: true, inherited: false });
      expect(mapping.address % BigInt(alignment)).to.equal(0n);
      mapping.bytes.fill(7);
      const start = mapping.address.toString(16);
      const own = readFileSync("/proc/self/smaps", "latin1").split(/^(?=[0-9a-f]+-)/m);
      const flags = /^VmFlags: (.*)$/m.exec(own.find((one) => one.startsWith(`${start}-`)) ?? "")?.[1]?.split(" ");
      expect(flags).to.include.members(existsSync("/sys/kernel/mm/transparent_hugepage") ? ["dc", "hg"] : ["dc"]);
      // What was reserved around it for that is nobody's any more.
      const end = (mapping.address + BigInt(Math.ceil(length / 4096) * 4096)).toString(16);
      const around = own.filter(
        (one) => / ---p /.test(one) && (one.includes(`-${start} `) || one.startsWith(`${end}-`)),
      );
      expect(around).to.deep.equal([]);
      mapping.unmap();
    }
  });

  it("show memory that is mapped already", () => {
    const mapping = devices.map({ length: 8192, write: true, shared: false });
    const view = devices.view(mapping.address + 4096n, 4096);
    view[1] = 9;
    expect(mapping.bytes[4097]).to.equal(9);
    expect(thrown(() => devices.view(mapping.address, 0))).to.equal("KATA_SYS_VALUE");
    expect(thrown(() => devices.view(mapping.address, viewLimit + 1))).to.equal("KATA_SYS_VALUE");
    mapping.unmap();
  });

  it("map more than an array can show", () => {
    const mapping = devices.map({ length: viewLimit + 4096, write: true, shared: false, noReserve: true });
    expect(mapping.bytes).to.have.length(viewLimit);
    devices.view(mapping.address + BigInt(viewLimit), 4096)[4095] = 1;
    mapping.unmap();
  });

  it("refuse what cannot be mapped", () => {
    expect(thrown(() => devices.map({ length: 0 }))).to.equal("KATA_SYS_VALUE");
    expect(thrown(() => devices.map({ fd: 9999, length: 4096 }))).to.equal("EBADF");
  });
});
