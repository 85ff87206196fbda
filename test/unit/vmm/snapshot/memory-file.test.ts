import { closeSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { layout } from "../../../../src/vmm/machine/layout.js";
import { createGuestRam, type GuestRam } from "../../../../src/vmm/memory/guest-ram.js";
import { mapSavedRam } from "../../../../src/vmm/memory/saved-ram.js";
import { bytesOf, openMemoryFile, writeMemory } from "../../../../src/vmm/snapshot/memory-file.js";
import { rejected, temporaryDirectory, thrown } from "../../core/sys/fixture.js";

const mib = 2 ** 20;

describe("the memory of a saved machine", () => {
  const sys = createLinuxSys();
  const directory = temporaryDirectory();
  const made: GuestRam[] = [];
  let path: string;
  let ram: GuestRam;

  beforeEach(() => {
    path = join(directory.path, "memory");
    // Two regions, the second above 4 GiB, all of it holes.
    ram = createGuestRam(sys, layout.holeStart + 16 * mib, { shared: true });
    made.push(ram);
  });
  afterEach(() => {
    for (const one of made.splice(0)) one.close();
  });

  const save = (id = "me"): Promise<void> => writeMemory(sys, path, ram.memory, id);

  /** One more machine's memory. */
  const clone = (): GuestRam => {
    const fd = openMemoryFile(path, bytesOf(ram.regions), "me");
    try {
      const one = mapSavedRam(sys, { fd, regions: ram.regions });
      made.push(one);
      return one;
    } finally {
      closeSync(fd);
    }
  };

  it("is a file of its owner's alone, with nothing but the pages that are not zeros", async () => {
    ram.memory.writeU32(0, 1);
    ram.memory.writeU32(5 * mib, 2);
    // Touched, and all zeros.
    ram.memory.slice(6 * mib, 2 * mib).fill(0);
    ram.memory.writeU32(layout.holeEnd + 16 * mib - 4, 3);
    await save();
    const { size, blocks, mode } = statSync(path);
    expect([size, mode & 0o777]).to.deep.equal([layout.holeStart + 16 * mib + 4096, 0o600]);
    expect(blocks * 512).to.be.at.most(64 * 1024);
    expect(readdirSync(directory.path)).to.deep.equal(["memory"]);
    const { memory } = clone();
    const words = [0, 5 * mib, 7 * mib, layout.holeEnd + 16 * mib - 4].map((at) => memory.readU32(at));
    expect(words).to.deep.equal([1, 2, 0, 3]);
  });

  it("is each machine's own once it is written to, and stays as it was in the file", async () => {
    ram.memory.slice(0, mib).fill(7);
    await save();
    const [one, two] = [clone(), clone()];
    one.memory.writeU32(0, 1);
    two.memory.writeU32(4096, 2);
    // A hole, of which a page is read by one and written by the other.
    one.memory.writeU32(8 * mib, 8);
    expect(two.memory.readU32(8 * mib)).to.equal(0);
    const sevens = 0x07070707;
    expect([one.memory.readU32(0), two.memory.readU32(0), clone().memory.readU32(0)]).to.deep.equal([
      1,
      sevens,
      sevens,
    ]);
    expect([one.memory.readU32(4096), two.memory.readU32(4096)]).to.deep.equal([sevens, 2]);
    expect(one.regions.every(({ backing }) => backing.kind === "saved")).to.equal(true);
  });

  it("has what was written to memory that is in no file", async () => {
    ram = createGuestRam(sys, 16 * mib);
    made.push(ram);
    ram.memory.writeU32(5 * mib, 2);
    await save();
    expect(statSync(path).blocks * 512).to.be.at.most(64 * 1024);
    const { memory } = clone();
    expect([memory.readU32(0), memory.readU32(5 * mib)]).to.deep.equal([0, 2]);
  });

  it("takes no more of the file's disk because somebody reads what was never written", async () => {
    ram.memory.writeU32(0, 1);
    await save();
    const { blocks } = statSync(path);
    const { memory } = clone();
    let sum = 0;
    for (let at = 0; at < 64 * mib; at += 4096) sum += memory.readU32(at);
    expect(sum).to.equal(1);
    expect(statSync(path).blocks).to.equal(blocks);
  });

  it("is refused when it is another's, or of another size", async () => {
    ram.memory.writeU32(0, 1);
    await save("somebody else");
    const bytes = bytesOf(ram.regions);
    const open = (wanted: number, id: string) => thrown(() => openMemoryFile(path, wanted, id));
    expect(open(bytes, "me")).to.equal("KATA_VMM_SNAPSHOT_STATE");
    expect(open(bytes - 4096, "somebody else")).to.equal("KATA_VMM_SNAPSHOT_STATE");
    truncateSync(path, bytes);
    expect(open(bytes, "somebody else")).to.equal("KATA_VMM_SNAPSHOT_STATE");
  });

  it("is not saved a second time, and leaves nothing then", async () => {
    ram.memory.writeU32(0, 1);
    await save();
    const { memory } = clone();
    const other = join(directory.path, "other");
    expect(await rejected(() => writeMemory(sys, other, memory, "me"))).to.equal("KATA_VMM_SNAPSHOT_MEMORY");
    expect(readdirSync(directory.path)).to.deep.equal(["memory"]);
  });
});
