import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { OpenFlag } from "../../../../src/core/sys/open-flags.js";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { FuseClient, parseEntries, root, words } from "../../../support/vmm/fuse-client.js";

describe("directories of a share", () => {
  let client: FuseClient;
  const names = Array.from({ length: 300 }, (_, i) => `${"n".repeat(i % 250)}-${i}`);

  beforeEach(async () => {
    client = await FuseClient.open();
    mkdirSync(join(client.directory, "directory"));
    for (const name of names) writeFileSync(join(client.directory, "directory", name), "");
  });
  afterEach(() => client.close());

  for (const size of [300, 512, 4096, 65_536]) {
    it(`are listed whole, each name once, in answers of ${size} bytes`, async () => {
      const node = await client.walk("directory");
      const all = (await client.list(node, size)).map(({ name }) => name.toString());
      expect(all.toSorted()).to.deep.equal([...names, ".", ".."].toSorted());
    });
  }

  it("are listed with what is in them, which is forgotten like what was looked up", async () => {
    const node = await client.walk("directory");
    const all = await client.list(node, 4096, true);
    expect(all.map(({ name }) => name.toString()).toSorted()).to.deep.equal([...names, ".", ".."].toSorted());
    for (const { name, node } of all) expect(node > 0).to.equal(!name.toString().startsWith("."));
    expect(client.server.counts).to.deep.equal({ nodes: names.length + 1, handles: 0 });
    for (const { node } of all) await client.forget(node);
    expect(client.server.counts.nodes).to.equal(1);
  });

  it("are read on from any entry", async () => {
    const node = await client.walk("directory");
    const { handle } = await client.open(node, OpenFlag.read, opcode.opendir);
    const read = async (place: bigint) =>
      parseEntries((await client.call(opcode.readdir, node, [words(handle, place, 2048, 0, 0n, 0, 0)])).body, false);
    const first = await read(0n);
    for (const [i, { next }] of first.entries()) {
      const [following] = await read(next);
      if (i + 1 < first.length) expect(following?.name.equals(first[i + 1]?.name ?? Buffer.alloc(0))).to.equal(true);
    }
    expect((await read(0n)).map(({ name }) => name.toString())).to.deep.equal(first.map(({ name }) => name.toString()));
  });

  it("give an error and not their end where there is no room for one entry", async () => {
    const node = await client.walk("directory");
    const { handle } = await client.open(node, OpenFlag.read, opcode.opendir);
    for (const [operation, sizes] of [
      [opcode.readdir, [0, 1, 24]],
      [opcode.readdirplus, [0, 100, 152]],
    ] as const) {
      for (const size of sizes) {
        const answer = await client.call(operation, node, [words(handle, 0n, size, 0, 0n, 0, 0)]);
        expect(answer.status, `${operation} ${size}`).to.equal("EINVAL");
      }
    }
    // The size is more than there is room for.
    const { status, body } = await client.call(opcode.readdir, node, [words(handle, 0n, 0xffffffff, 0, 0n, 0, 0)], {
      room: 64,
    });
    expect(status).to.equal("ok");
    expect(parseEntries(body, false).length).to.be.within(1, 2);
    expect(client.server.counts.nodes).to.equal(1);
  });

  it("are not what files are", async () => {
    writeFileSync(join(client.directory, "file"), "content");
    const [node, file] = [await client.walk("directory"), await client.walk("file")];
    expect((await client.open(node)).status).to.equal("EISDIR");
    expect((await client.open(file, 0, opcode.opendir)).status).to.equal("ENOTDIR");
    const { handle } = await client.open(node, OpenFlag.read, opcode.opendir);
    expect((await client.read(node, handle, 0, 100)).status).to.equal("EBADF");
    expect((await client.release(node, handle)).status).to.equal("EBADF");
    const opened = await client.open(file);
    expect((await client.call(opcode.readdir, file, [words(opened.handle, 0n, 4096, 0, 0n, 0, 0)])).status).to.equal(
      "EBADF",
    );
    expect((await client.call(opcode.fsyncdir, node, [words(handle, 0, 0)])).status).to.equal("ok");
    expect(
      (await client.call(opcode.readdir, node, [words(handle, 2n ** 63n, 4096, 0, 0n, 0, 0)])).status,
    ).to.not.equal("ok");
  });

  it("do not tell of what is above the root", async () => {
    const { handle } = await client.open(root, OpenFlag.read, opcode.opendir);
    const { body } = await client.call(opcode.readdir, root, [words(handle, 0n, 4096, 0, 0n, 0, 0)]);
    for (let at = 0; at < body.length; at += (24 + body.readUInt32LE(at + 16) + 7) & ~7) {
      const name = body.subarray(at + 24, at + 24 + body.readUInt32LE(at + 16)).toString();
      if (name === "..") expect(body.readBigUInt64LE(at)).to.equal(1n);
    }
  });
});
