import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { statxSize } from "../../../../../src/core/sys/inodes.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { OpenFlag } from "../../../../../src/core/sys/open-flags.js";
import { temporaryDirectory, thrown } from "../fixture.js";

const { ENOENT, ELOOP, EXDEV } = constants.errno;
const name = (text: string) => Buffer.from(`${text}\0`);

describe("files by descriptors and names", () => {
  const { inodes } = createLinuxSys();
  const temporary = temporaryDirectory();
  let directory: number;

  beforeEach(() => {
    directory = openSync(temporary.path, OpenFlag.pathOnly | OpenFlag.directory);
    writeFileSync(join(temporary.path, "file"), "0123456789");
  });
  afterEach(() => closeSync(directory));

  it("are opened by one name: no link, and nothing beyond the directory", () => {
    symlinkSync("file", join(temporary.path, "link"));
    mkdirSync(join(temporary.path, "below"));
    expect(inodes.open(directory, name("none"), OpenFlag.pathOnly, 0)).to.equal(-ENOENT);
    expect(inodes.open(directory, name("link"), OpenFlag.read, 0)).to.equal(-ELOOP);
    expect(inodes.open(directory, name(".."), OpenFlag.pathOnly, 0)).to.equal(-EXDEV);
    expect(inodes.open(directory, name("/"), OpenFlag.pathOnly, 0)).to.equal(-EXDEV);
    const fd = inodes.open(directory, name("file"), OpenFlag.pathOnly, 0);
    const again = inodes.reopen(fd, OpenFlag.readWrite);
    expect(readFileSync(again, "utf8")).to.equal("0123456789");
    expect([inodes.close(again), inodes.close(fd)]).to.deep.equal([0, 0]);
    expect(inodes.close(fd)).to.be.lessThan(0);
  });

  it("are told of by their names: a link is itself", () => {
    symlinkSync("file", join(temporary.path, "link"));
    const stat = Buffer.alloc(statxSize);
    const typeOf = (text: string) => {
      const result = inodes.statName(directory, name(text), stat);
      return result < 0 ? result : stat.readUInt16LE(28) & 0o170000;
    };
    expect([typeOf("file"), typeOf("link"), typeOf("none")]).to.deep.equal([0o100000, 0o120000, -ENOENT]);
  });

  it("are not given to the kernel by a name without an end, or with too little room for its answer", () => {
    const open = () => inodes.open(directory, Buffer.from("file"), OpenFlag.pathOnly, 0);
    expect(thrown(open)).to.equal("KATA_SYS_VALUE");
    expect(thrown(() => inodes.open(directory, Buffer.alloc(0), 0, 0))).to.equal("KATA_SYS_VALUE");
    expect(thrown(() => inodes.stat(directory, Buffer.alloc(statxSize - 1)))).to.equal("KATA_SYS_VALUE");
    expect(thrown(() => inodes.statName(directory, Buffer.from("file"), Buffer.alloc(statxSize)))).to.equal(
      "KATA_SYS_VALUE",
    );
    expect(thrown(() => inodes.statfs(directory, Buffer.alloc(10)))).to.equal("KATA_SYS_VALUE");
  });

  it("are read into pieces and written from them, neighbours or not", async () => {
    const fd = openSync(join(temporary.path, "file"), "r+");
    const memory = Buffer.alloc(30, 0x2e);
    const pieces = [memory.subarray(0, 2), memory.subarray(2, 4), memory.subarray(10, 13), Buffer.alloc(2)];
    expect(await inodes.readAt(fd, pieces, 1)).to.equal(9);
    expect(memory.toString()).to.equal(`1234......567${".".repeat(17)}`);
    expect(pieces[3]?.toString()).to.equal("89");
    expect(inodes.writeAtOnce(fd, pieces, 0, { append: false })).to.equal(9);
    expect(await inodes.writeAt(fd, pieces.slice(0, 1), 0, { append: true })).to.equal(2);
    expect(readFileSync(join(temporary.path, "file"), "utf8")).to.equal("123456789912");
    expect(await inodes.readAt(fd, [], 0)).to.equal(0);
    closeSync(fd);
  });

  it("are read into more pieces than one call takes, as many as it takes", async () => {
    const fd = openSync(join(temporary.path, "file"), "r+");
    writeFileSync(fd, Buffer.alloc(4000, 0x61));
    const memory = Buffer.alloc(4000);
    const pieces = Array.from({ length: 2000 }, (_, i) => memory.subarray(2 * i, 2 * i + 1));
    expect(await inodes.readAt(fd, pieces, 0)).to.equal(1024);
    expect(memory.filter((byte) => byte === 0x61).length).to.equal(1024);
    closeSync(fd);
  });
});
