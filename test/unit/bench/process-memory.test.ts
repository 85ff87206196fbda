import { expect } from "chai";
import { mappingsOf, touchedMemory } from "../../../bench/process-memory.js";
import type { Mapping } from "../../../src/core/sys/devices.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";

const page = 4096;
const name = "kata-ts-mapped";

describe("the memory of a process, as benchmarks read it", () => {
  const sys = createLinuxSys();
  const mapped: Mapping[] = [];
  let fd: number;

  const map = (length: number, more: { shared?: boolean; offset?: number } = {}): Mapping => {
    const mapping = sys.devices.map({ fd, length, write: true, ...more });
    mapped.push(mapping);
    return mapping;
  };
  const stretch = ({ address, length }: Mapping) => ({ start: Number(address), size: length });

  beforeEach(() => (fd = sys.descriptors.memfd(name, 16 * page)));
  afterEach(() => {
    for (const mapping of mapped.splice(0)) mapping.unmap();
    sys.descriptors.close(fd);
  });

  it("has each mapping with its file, its place and what was written", () => {
    const mapping = map(8 * page, { offset: 4 * page });
    mapping.bytes[0] = 1;
    mapping.bytes[5 * page] = 1;
    const found = mappingsOf(process.pid).filter((one) => one.name.includes(name));
    expect(found).to.deep.equal([
      { ...stretch(mapping), offset: 4 * page, name: `/memfd:${name} (deleted)`, privateDirty: 2 * page },
    ]);
  });

  it("counts what is a mapping's own apart from what is its file's", () => {
    const file = map(16 * page);
    for (const at of [0, 1, 2, 3]) file.bytes[at * page] = 1;
    const copy = map(16 * page, { shared: false });
    expect(touchedMemory(process.pid, stretch(copy))).to.deep.equal({ present: 0, own: 0 });
    copy.bytes[page] = 2;
    expect(copy.bytes[2 * page]).to.equal(1);
    const { present, own } = touchedMemory(process.pid, stretch(copy));
    expect(own).to.equal(page);
    // Reading maps pages around it, too.
    expect(present).to.be.within(2 * page, 16 * page);
    expect(touchedMemory(process.pid, stretch(file))).to.deep.equal({ present: 4 * page, own: 0 });
  });

  it("does not count pages of zeros that were only read", () => {
    const mapping = sys.devices.map({ length: 4 * page, write: true, shared: false });
    mapped.push(mapping);
    expect(mapping.bytes[0]).to.equal(0);
    mapping.bytes[3 * page] = 1;
    expect(touchedMemory(process.pid, stretch(mapping)).own).to.equal(page);
  });

  it("refuses what is not mapped as far as there are addresses", () => {
    expect(() => touchedMemory(process.pid, { start: 2 ** 47, size: page })).to.throw("has no 4096 bytes");
  });
});
