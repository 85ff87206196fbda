import {
  closeSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { deadline, rejected, temporaryDirectory, thrown } from "../fixture.js";

describe("files", () => {
  const { files } = createLinuxSys();
  const temporary = temporaryDirectory();

  it("are written whole, with their mode, and leave no other file", async () => {
    const path = join(temporary.path, "state.json");
    await files.writeFileAtomic(path, "one");
    await files.writeFileAtomic(path, Buffer.from("two"), 0o640);
    expect(readFileSync(path, "utf8")).to.equal("two");
    expect(lstatSync(path).mode & 0o777).to.equal(0o640);
    expect(readdirSync(temporary.path)).to.deep.equal(["state.json"]);
  });

  it("that cannot be put in place leave nothing and keep what was there", async () => {
    const path = join(temporary.path, "directory/file");
    expect(await rejected(() => files.writeFileAtomic(path, "x"))).to.equal("ENOENT");
    closeSync(files.mkdirBeneath(temporary.path, "taken/in"));
    expect(await rejected(() => files.writeFileAtomic(join(temporary.path, "taken"), "x"))).to.equal("EISDIR");
    expect(readdirSync(temporary.path)).to.deep.equal(["taken"]);
  });

  it("are replaced by name: a link is not written through", async () => {
    writeFileSync(join(temporary.path, "target"), "old");
    symlinkSync("target", join(temporary.path, "link"));
    await files.writeFileAtomic(join(temporary.path, "link"), "new");
    expect(readFileSync(join(temporary.path, "target"), "utf8")).to.equal("old");
  });

  it("lock out a second holder until released", async () => {
    const path = join(temporary.path, "lock");
    const first = files.tryLock(path);
    expect(files.tryLock(path)).to.equal(undefined);
    expect(files.tryLock(path, { shared: true })).to.equal(undefined);
    expect(await rejected(() => files.lock(path, { ms: 30, what: "the lock" }))).to.equal("KATA_DEADLINE");
    const second = files.lock(path, deadline);
    first?.release();
    first?.release();
    const lock = await second;
    expect(files.tryLock(path)).to.equal(undefined);
    lock.release();
    const shared = [files.tryLock(path, { shared: true }), files.tryLock(path, { shared: true })];
    expect(shared.every((one) => one !== undefined)).to.equal(true);
    for (const one of shared) one?.release();
  });

  it("say how much space there is", () => {
    const info = files.statfs(temporary.path);
    expect(info.totalBytes).to.be.greaterThan(0).and.at.least(info.availableBytes);
    expect(info.blockSize).to.be.greaterThan(0);
    const fd = openSync(temporary.path, "r");
    expect(files.statfs(fd).type).to.equal(info.type);
    closeSync(fd);
  });

  it("can be made as nodes, and given their space", () => {
    files.mknod(join(temporary.path, "fifo"), "fifo", 0o600);
    files.mknod(join(temporary.path, "regular"), "regular", 0o600);
    expect(lstatSync(join(temporary.path, "fifo")).isFIFO()).to.equal(true);
    const fd = openSync(join(temporary.path, "regular"), "r+");
    files.allocate(fd, 0, 8192);
    closeSync(fd);
    expect(lstatSync(join(temporary.path, "regular")).size).to.equal(8192);
    expect(thrown(() => files.mknod(join(temporary.path, "fifo"), "fifo", 0o600))).to.equal("EEXIST");
  });

  it("tell where they have no holes", () => {
    const path = join(temporary.path, "sparse");
    const fd = openSync(path, "w+");
    ftruncateSync(fd, 1 << 20);
    expect(files.dataRanges(fd)).to.deep.equal([]);
    writeSync(fd, "data", 256 << 10);
    writeSync(fd, "end", (1 << 20) - 3);
    const ranges = files.dataRanges(fd);
    const holds = (at: number) => ranges.some(({ offset, length }) => offset <= at && at < offset + length);
    expect([0, 256 << 10, 512 << 10, (1 << 20) - 1].map(holds)).to.deep.equal([false, true, false, true]);
    closeSync(fd);
    expect(thrown(() => files.dataRanges(fd))).to.equal("EBADF");
  });

  it("make ranges read as zeros", async () => {
    const path = join(temporary.path, "image");
    const fd = openSync(path, "w+");
    writeFileSync(fd, Buffer.alloc(16384, 7));
    files.punchHole(fd, 4096, 4097);
    await files.zeroRange(fd, 12288, 1, { deallocate: true });
    const bytes = readFileSync(path);
    expect([4095, 4096, 8192, 8193, 12287, 12288, 12289].map((at) => bytes[at])).to.deep.equal([7, 0, 0, 7, 7, 0, 7]);
    expect(bytes).to.have.length(16384);
    closeSync(fd);
    expect(thrown(() => files.punchHole(fd, 0, 1))).to.equal("EBADF");
    expect(await rejected(() => files.zeroRange(fd, 0, 1, { deallocate: false }))).to.equal("EBADF");
  });
});
