import {
  closeSync,
  constants as constantsOf,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readvSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";
import { createGuestRam } from "../../../../../src/vmm/memory/guest-ram.js";
import { FileDisk } from "../../../../../src/vmm/virtio/block/file-disk.js";
import { skip } from "../../../../support/skip.js";
import { rejected, temporaryDirectory, thrown } from "../../../core/sys/fixture.js";

const size = 1 << 16;

describe("a disk in a file", () => {
  const temporary = temporaryDirectory();
  const open = (flags = "r+") => {
    const sys = fakeSys();
    const path = join(temporary.path, "disk.img");
    writeFileSync(path, Buffer.alloc(size, 7));
    const fd = openSync(path, flags);
    return { sys, path, fd, disk: new FileDisk(sys, fd, { readOnly: flags === "r" }) };
  };

  it("reads and writes many views at once, more than one call can have", async () => {
    const { path, disk } = open();
    const memory = new Uint8Array(4096).map((_, at) => at % 253);
    const views = Array.from({ length: 2048 }, (_, at) => memory.subarray(2 * at, 2 * at + 2));
    await disk.write(views, 512);
    expect(Buffer.compare(readFileSync(path).subarray(512, 4608), memory)).to.equal(0);
    const back = new Uint8Array(4096);
    await disk.read(
      Array.from({ length: 2048 }, (_, at) => back.subarray(2 * at, 2 * at + 2)),
      512,
    );
    expect(Buffer.compare(back, memory)).to.equal(0);
    await disk.flush();
    await disk.close();
  });

  it("reads into the memory of a guest, and writes out of it, without copies", async () => {
    const { sys, path, disk } = open();
    const ram = createGuestRam(sys, 1 << 20);
    const views = [ram.memory.slice(4096, 512), ram.memory.slice(0x80000, 1024)];
    await disk.read(views, 0);
    expect([
      ram.memory.readU32(4096),
      ram.memory.readU32(0x80000 + 1020),
      ram.memory.readU32(0x80000 + 1024),
    ]).to.deep.equal([0x07070707, 0x07070707, 0]);
    ram.memory.writeU32(0x80000, 0x01020304);
    await disk.write(views, 8192);
    expect(readFileSync(path).readUInt32LE(8192 + 512)).to.equal(0x01020304);
    await disk.close();
    ram.close();
  });

  /** A disk whose direct way leads to another file: what went there went past the cache. */
  const openPast = () => {
    const { sys, path, fd } = open();
    const past = join(temporary.path, "past.img");
    writeFileSync(past, Buffer.alloc(size, 9));
    const direct = openSync(past, "r+");
    return { path, past, fds: [fd, direct], disk: new FileDisk(sys, fd, { readOnly: false, direct }) };
  };

  it("is read and written past the host's cache when that is asked for", async () => {
    const { path, past, disk, fds } = openPast();
    const into = new Uint8Array(512);
    const reading = disk.read([into], 0);
    // What the host has cached is not asked for.
    expect(reading).to.be.instanceOf(Promise);
    await reading;
    expect(into.every((byte) => byte === 9)).to.equal(true);
    await disk.write([into.fill(5)], 1024);
    expect(readFileSync(past)[1024]).to.equal(5);
    expect(readFileSync(path)[1024]).to.equal(7);
    await disk.close();
    for (const fd of fds) expect(() => fstatSync(fd)).to.throw(/EBADF/);
  });

  it("is read and written through the cache where the guest's memory does not lie as the disk needs it", async function () {
    const { sys, path, fd } = open();
    let direct: number;
    try {
      direct = openSync(path, constantsOf.O_RDWR | constantsOf.O_DIRECT);
    } catch {
      return skip(this, "the file system of the temporary directory has no O_DIRECT");
    }
    const disk = new FileDisk(sys, fd, { readOnly: false, direct });
    const odd = new Uint8Array(4096).subarray(1, 513).fill(3);
    await disk.write([odd], 512);
    expect(
      readFileSync(path)
        .subarray(512, 1024)
        .every((byte) => byte === 3),
    ).to.equal(true);
    odd.fill(0);
    await disk.read([odd], 512);
    expect(odd.every((byte) => byte === 3)).to.equal(true);
    await disk.flush();
    await disk.close();
  });

  it("does not flush when it is told so", async () => {
    const { sys, fd } = open();
    const disk = new FileDisk(sys, fd, { readOnly: false, ignoreFlushes: true });
    closeSync(fd);
    // A flush that reached the host would be refused: there is no such descriptor any more.
    await disk.flush();
  });

  it("is done at once with what the host has in its cache, and reads the rest of it later", async () => {
    const { sys, disk } = open();
    let cached = 1024;
    sys.answer("inodes", "readAtOnce", (fd, pieces, position) => {
      const length = Math.min(cached, pieces[0]?.length ?? 0);
      return length === 0
        ? -constants.errno.EAGAIN
        : readvSync(fd, [(pieces[0] ?? new Uint8Array()).subarray(0, length)], position);
    });
    const into = new Uint8Array(1024);
    expect(disk.read([into], 512)).to.equal(undefined);
    expect(into.every((byte) => byte === 7)).to.equal(true);
    for (cached of [700, 0]) {
      into.fill(0);
      const reading = disk.read([into], 512);
      expect(reading).to.be.instanceOf(Promise);
      await reading;
      expect(into.every((byte) => byte === 7)).to.equal(true);
    }
    await disk.close();
  });

  it("tries the less to read at once the more the host had not cached", async () => {
    const { sys, disk } = open();
    let answer = -constants.errno.EAGAIN;
    sys.answer("inodes", "readAtOnce", () => answer);
    const tried: number[] = [];
    for (let read = 0; read < 20; read++) {
      if (read === 15) answer = 512;
      await disk.read([new Uint8Array(512)], 0);
      if (sys.callsTo("inodes", "readAtOnce").length > tried.length) tried.push(read);
    }
    expect(tried).to.deep.equal([0, 2, 6, 14]);
    for (let read = 0; read < 12; read++) await disk.read([new Uint8Array(512)], 0);
    expect(sys.callsTo("inodes", "readAtOnce")).to.have.length(4 + 2);
    await disk.close();
  });

  it("tries no more to read at once where that cannot be, and never much", async () => {
    const { sys, disk } = open();
    const asked = () => sys.callsTo("inodes", "readAtOnce").length;
    const into = new Uint8Array(size);
    expect(await rejected(async () => disk.read([into, new Uint8Array(512)], 0))).to.equal("KATA_VMM_DISK_SHORT");
    expect(asked()).to.equal(0);
    sys.answer("inodes", "readAtOnce", () => -constants.errno.EOPNOTSUPP);
    for (let count = 0; count < 2; count++) {
      into.fill(0);
      await disk.read([into], 0);
      expect(into.every((byte) => byte === 7)).to.equal(true);
    }
    expect(asked()).to.equal(1);
    await disk.close();
  });

  it("says that its file has become shorter", async () => {
    const { path, disk } = open();
    truncateSync(path, 1000);
    expect(await rejected(async () => disk.read([new Uint8Array(512)], 1024))).to.equal("KATA_VMM_DISK_SHORT");
    expect(await rejected(async () => disk.read([new Uint8Array(512)], 512))).to.equal("KATA_VMM_DISK_SHORT");
    await disk.close();
  });

  it("gives space back, and clears with and without that", async () => {
    const { path, fd, disk } = open();
    const before = fstatSync(fd).blocks;
    await disk.discard(0, 8192);
    expect(fstatSync(fd).blocks).to.equal(before - 16);
    await disk.writeZeroes(8192, 4096, true);
    await disk.writeZeroes(12288, 512, false);
    const content = readFileSync(path);
    expect(content.subarray(0, 12800).every((byte) => byte === 0)).to.equal(true);
    expect([content[12800], content.length]).to.deep.equal([7, size]);
    await disk.close();
  });

  it("writes zeros itself where the file system cannot", async () => {
    const { sys, path, disk } = open();
    sys.fail("files", "zeroRange", "EOPNOTSUPP");
    await disk.writeZeroes(512, 3 * 512, false);
    const content = readFileSync(path);
    expect([content[511], content[512], content[2047], content[2048]]).to.deep.equal([7, 0, 0, 7]);
    expect(await rejected(() => disk.discard(0, 512))).to.equal("EOPNOTSUPP");
    sys.fail("files", "zeroRange", "EIO");
    expect(await rejected(() => disk.writeZeroes(0, 512, false))).to.equal("EIO");
    await disk.close();
  });

  it("can only be a file or a block device", async () => {
    const sys = fakeSys();
    mkdirSync(join(temporary.path, "directory"));
    const fd = openSync(join(temporary.path, "directory"), "r");
    expect(thrown(() => new FileDisk(sys, fd, { readOnly: true }))).to.equal("KATA_VMM_DISK_FILE");
    closeSync(fd);
  });

  it("closes its descriptor once", async () => {
    const { fd, disk } = open("r");
    expect([disk.bytes, disk.readOnly]).to.deep.equal([size, true]);
    await disk.close();
    await disk.close();
    expect(() => fstatSync(fd)).to.throw("EBADF");
  });
});
