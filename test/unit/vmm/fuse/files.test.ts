import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { OpenFlag } from "../../../../src/core/sys/open-flags.js";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { needsRoot } from "../../../support/needs-root.js";
import { FuseClient, root, words } from "../../../support/vmm/fuse-client.js";

const mib = 2 ** 20;

describe("files in a shared directory", () => {
  let client: FuseClient;
  const path = (...names: string[]) => join(client.directory, ...names);

  beforeEach(async () => {
    client = await FuseClient.open();
  });
  afterEach(() => client.close());

  /** A file of the host's, open. */
  async function opened(content: string | Uint8Array, flags: number = OpenFlag.readWrite) {
    writeFileSync(path("file"), content);
    const node = await client.walk("file");
    return { node, handle: (await client.open(node, flags)).handle };
  }

  it("are read, to their end and not beyond", async () => {
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) & 0xff));
    const { node, handle } = await opened(content);
    const all = await client.read(node, handle, 0, 200_000);
    expect(all.body.equals(content)).to.equal(true);
    expect((await client.read(node, handle, 99_990, 100)).body.equals(content.subarray(99_990))).to.equal(true);
    expect((await client.read(node, handle, 100_000, 100)).body.length).to.equal(0);
    expect((await client.read(node, handle, 2 ** 50, 100)).body.length).to.equal(0);
    expect((await client.read(node, handle, 0xffffffffffffffffn, 100)).status).to.equal("EINVAL");
  });

  it("are read in pieces however the room is cut", async () => {
    const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 13) & 0xff));
    const { node, handle } = await opened(content);
    const memory = Buffer.alloc(6000);
    const cuts = [3, 16, 17, 1000, 1001, 4096, 5016];
    const pieces = cuts.map((cut, i) => memory.subarray(cuts[i - 1] ?? 0, cut));
    const request = Buffer.concat([
      words(80, opcode.read, 7n, BigInt(node), 0, 0, 0, 0),
      words(handle, 0n, 5000, 0, 0n, 0, 0),
    ]);
    expect(await client.server.serve([request.subarray(0, 50), request.subarray(50)], pieces)).to.equal(5016);
    expect(memory.subarray(16, 5016).equals(content)).to.equal(true);
    expect(memory.subarray(5016).every((byte) => byte === 0)).to.equal(true);
  });

  it("are never read further than there is room, however much is asked for", async () => {
    const { node, handle } = await opened(Buffer.alloc(3 * mib, 0x61));
    expect((await client.read(node, handle, 0, 0xffffffff, 100)).body.length).to.equal(100);
    // No more than INIT allows, however much room there is.
    expect((await client.read(node, handle, 0, 0xffffffff, 2 * mib)).body.length).to.equal(mib);
    expect((await client.read(node, handle, 0, 0, 100)).body.length).to.equal(0);
  });

  it("are written, a little at once and much beside the event loop", async () => {
    const { node, handle } = await opened("0123456789");
    expect(await client.write(node, handle, 3, Buffer.from("abc"))).to.deep.equal({ status: "ok", count: 3 });
    expect(readFileSync(path("file"), "utf8")).to.equal("012abc6789");
    const much = Buffer.alloc(mib, 0x62);
    expect(await client.write(node, handle, 10, much)).to.deep.equal({ status: "ok", count: mib });
    expect(readFileSync(path("file")).subarray(10).equals(much)).to.equal(true);
    expect((await client.write(node, handle, 2 ** 52, Buffer.from("x"))).status).to.equal("EFBIG");
    expect((await client.write(node, handle, 0xffffffffffffffffn, Buffer.from("x"))).status).to.equal("EFBIG");
  });

  it("are not written when the size is not that of what is there", async () => {
    const { node, handle } = await opened("0123456789");
    for (const size of [0, 2, 4, 0xffffffff]) {
      expect((await client.write(node, handle, 0, Buffer.from("abc"), 0, size)).status).to.equal("EINVAL");
    }
    expect((await client.write(node, handle, 0, Buffer.alloc(mib + 1))).status).to.equal("EINVAL");
    expect(readFileSync(path("file"), "utf8")).to.equal("0123456789");
  });

  it("are written at their end as it is then, when they are open so", async () => {
    const { node, handle } = await opened("one ");
    appendFileSync(path("file"), "two ");
    await client.write(node, handle, 0, Buffer.from("three"), OpenFlag.append);
    expect(readFileSync(path("file"), "utf8")).to.equal("one two three");
    await client.write(node, handle, 0, Buffer.from("ONE"));
    expect(readFileSync(path("file"), "utf8")).to.equal("ONE two three");
  });

  it("are only for what they were opened for", async () => {
    const { node, handle } = await opened("content", OpenFlag.read);
    expect((await client.write(node, handle, 0, Buffer.from("x"))).status).to.equal("EBADF");
    const write = await client.open(node, OpenFlag.write);
    expect((await client.read(node, write.handle, 0, 10)).status).to.equal("EBADF");
    const other = await client.create(root, "other");
    expect((await client.read(other.node, handle, 0, 10)).status).to.equal("EBADF");
    expect((await client.read(node, 999n, 0, 10)).status).to.equal("EBADF");
    expect((await client.release(node, handle)).status).to.equal("ok");
    expect((await client.release(node, handle)).status).to.equal("EBADF");
    expect((await client.read(node, handle, 0, 10)).status).to.equal("EBADF");
  });

  it("are opened whatever else the flags say", async () => {
    writeFileSync(path("file"), "content");
    const node = await client.walk("file");
    // O_PATH, O_TMPFILE, O_DIRECT, O_ASYNC, O_CREAT and O_EXCL are not passed on.
    for (const flags of [0o10000000, 0o20200002, 0o40000, 0o20000, 0o302]) {
      const { status, handle } = await client.open(node, flags);
      expect(status).to.equal("ok");
      expect((await client.read(node, handle, 0, 100)).body.toString()).to.equal("content");
    }
  });

  it("are synchronized, flushed and allocated", async () => {
    const { node, handle } = await opened("content");
    expect((await client.call(opcode.fsync, node, [words(handle, 0, 0)])).status).to.equal("ok");
    expect((await client.call(opcode.fsync, node, [words(handle, 1, 0)])).status).to.equal("ok");
    expect((await client.call(opcode.flush, node, [words(handle, 0, 0, 0n)])).status).to.equal("ok");
    expect((await client.call(opcode.fallocate, node, [words(handle, 0n, 8192n, 0, 0)])).status).to.equal("ok");
    expect(statSync(path("file")).size).to.equal(8192);
    expect((await client.call(opcode.fallocate, node, [words(handle, 0n, 3n, 3, 0)])).status).to.equal("ok");
    expect(readFileSync(path("file")).subarray(0, 7).toString()).to.equal("\0\0\0tent");
    expect((await client.call(opcode.fallocate, node, [words(handle, 0n, 3n, 8, 0)])).status).to.equal("EOPNOTSUPP");
    expect((await client.call(opcode.syncfs, root, [words(0n)])).status).to.equal("ok");
    expect((await client.call(opcode.syncfs, node, [words(0n)])).status).to.equal("ENOTDIR");
    expect(client.server.counts.handles).to.equal(1);
  });

  it("tell where their holes are", async () => {
    const { node, handle } = await opened("");
    truncateSync(path("file"), 100_000);
    const { body } = await client.call(opcode.lseek, node, [words(handle, 0n, 4, 0)]);
    expect(body.readBigUInt64LE(0)).to.equal(0n);
    expect((await client.call(opcode.lseek, node, [words(handle, 0n, 0, 0)])).status).to.equal("EINVAL");
    expect((await client.call(opcode.lseek, node, [words(handle, 2n ** 63n, 4, 0)])).status).to.equal("EINVAL");
    expect((await client.call(opcode.lseek, node, [words(handle, 200_000n, 4, 0)])).status).to.equal("ENXIO");
  });

  it("are copied within the host", async () => {
    const from = await opened("0123456789");
    const to = await client.create(root, "copy");
    const copy = [words(from.handle, 2n, BigInt(to.node), to.handle, 1n, 5n, 0n)];
    const { status, body } = await client.call(opcode.copyFileRange, from.node, copy);
    expect(status).to.equal("ok");
    expect(body.readUInt32LE(0)).to.equal(5);
    expect(readFileSync(path("copy"), "utf8")).to.equal("\x0023456");
    const huge = [words(from.handle, 2n ** 62n, BigInt(to.node), to.handle, 0n, 5n, 0n)];
    expect((await client.call(opcode.copyFileRange, from.node, huge)).status).to.equal("EFBIG");
  });

  it("have their attributes changed", async () => {
    const { node } = await opened("0123456789");
    const change = (valid: number, { size = 0n, atime = 0n, mtime = 0n, nanoseconds = 0, mode = 0 } = {}) =>
      client.call(opcode.setattr, node, [
        words(valid, 0, 0n, size, 0n, atime, mtime, 0n, nanoseconds, nanoseconds, 0, mode, 0, 0, 0, 0),
      ]);
    expect((await change(1, { mode: 0o4640 })).status).to.equal("ok");
    expect(statSync(path("file")).mode).to.equal(0o104640);
    // A write by who may not keep it takes the bit away.
    const { handle } = await client.open(node, OpenFlag.readWrite);
    const args = [words(handle, 0n, 1, 4, 0n, 0, 0), Buffer.from("x")];
    expect((await client.call(opcode.write, node, args)).status).to.equal("ok");
    expect(statSync(path("file")).mode).to.equal(0o100640);
    expect((await change(8, { size: 4n })).body.readBigUInt64LE(16 + 8)).to.equal(4n);
    expect((await change(8, { size: 2n ** 63n })).status).to.equal("EFBIG");
    expect((await change(16 | 32, { atime: 1000n, mtime: 2000n, nanoseconds: 500_000_000 })).status).to.equal("ok");
    expect(statSync(path("file"))).to.include({ atimeMs: 1_000_500, mtimeMs: 2_000_500 });
    expect((await change(32, { mtime: 1n, nanoseconds: 1_000_000_000 })).status).to.equal("EINVAL");
    expect((await change(32 | 256)).status).to.equal("ok");
    expect(statSync(path("file")).mtimeMs).to.be.greaterThan(2_000_500);
    expect(statSync(path("file")).atimeMs).to.equal(1_000_500);
  });

  it("are given away", async function () {
    needsRoot(this);
    symlinkSync("nothing", path("link"));
    mkdirSync(path("directory"));
    for (const name of ["link", "directory"]) {
      const node = await client.walk(name);
      const args = [words(6, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 1234, 4321, 0)];
      expect((await client.call(opcode.setattr, node, args)).status, name).to.equal("ok");
      expect(lstatSync(path(name))).to.include({ uid: 1234, gid: 4321 });
    }
    const link = await client.walk("link");
    const mode = [words(1, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0o777, 0, 0, 0, 0)];
    expect((await client.call(opcode.setattr, link, mode)).status).to.equal("EOPNOTSUPP");
    const size = [words(8, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 0, 0, 0)];
    expect((await client.call(opcode.setattr, link, size)).status).to.equal("EINVAL");
    expect((await client.call(opcode.setattr, await client.walk("directory"), size)).status).to.equal("EISDIR");
  });

  it("say what may be done with them, and links what they say", async () => {
    writeFileSync(path("file"), "");
    chmodSync(path("file"), 0o640);
    const node = await client.walk("file");
    const access = (mask: number, uid: number) => client.call(opcode.access, node, [words(mask, 0)], { uid });
    expect((await access(6, 0)).status).to.equal("ok");
    expect((await access(1, 0)).status).to.equal("EACCES");
    expect((await access(4, 77)).status).to.equal(process.getgid?.() === 0 ? "ok" : "EACCES");
    expect((await access(2, 77)).status).to.equal("EACCES");
    expect((await access(64, 0)).status).to.equal("EINVAL");
    symlinkSync("x".repeat(4095), path("link"));
    const link = await client.walk("link");
    expect((await client.call(opcode.readlink, link)).body.toString()).to.equal("x".repeat(4095));
    expect((await client.call(opcode.readlink, link, [], { room: 100 })).status).to.equal("ERANGE");
    expect((await client.call(opcode.readlink, node)).status).to.equal("EINVAL");
    const statfs = await client.call(opcode.statfs, root);
    expect(statfs.body.length).to.equal(80);
    expect(statfs.body.readUInt32LE(44)).to.equal(255);
    expect(statfs.body.readBigUInt64LE(0) > 0n).to.equal(true);
  });
});
