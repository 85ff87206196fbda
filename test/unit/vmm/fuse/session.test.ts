import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { fuseVersion, opcode } from "../../../../src/vmm/fuse/protocol.js";
import { FuseClient, root, text, words } from "../../../support/vmm/fuse-client.js";

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

describe("a session of a shared directory", () => {
  let client: FuseClient;
  const open = async (options: Parameters<typeof FuseClient.open>[0]) => (client = await FuseClient.open(options));
  afterEach(() => client.close());

  it("begins by agreeing on a version and on what both can", async () => {
    await open({ init: false });
    expect((await client.lookup(root, "x")).status).to.equal("EIO");
    const { status, body } = await client.init();
    expect(status).to.equal("ok");
    expect(body.length).to.equal(64);
    expect([body.readUInt32LE(0), body.readUInt32LE(4)]).to.deep.equal([fuseVersion.major, fuseVersion.minor]);
    expect(body.readUInt32LE(20)).to.equal(2 ** 20);
    expect(body.readUInt16LE(28)).to.equal(256);
    const flags = body.readUInt32LE(12);
    // Big writes, max_pages, submounts; no late writing back, no locks of the host's, no access lists.
    expect(flags & (1 << 5)).to.not.equal(0);
    expect(flags & (1 << 22)).to.not.equal(0);
    expect(flags & (1 << 27)).to.not.equal(0);
    for (const bit of [1, 4, 6, 10, 16, 20, 29]) expect(flags & (1 << bit), `bit ${bit}`).to.equal(0);
    expect((await client.init(0)).body.readUInt32LE(12)).to.equal(0);
  });

  it("is for versions that are spoken", async () => {
    await open({ init: false });
    const hello = async (major: number, minor: number) => {
      const { status, body } = await client.call(opcode.init, 0, [words(major, minor, 0, 0)]);
      return `${status} ${status === "ok" ? body.readUInt32LE(0) : ""}`;
    };
    expect(await hello(7, 30)).to.equal("EPROTO ");
    expect(await hello(6, 99)).to.equal("EPROTO ");
    expect(await hello(8, 0)).to.equal("ok 7");
    expect((await client.lookup(root, "x")).status).to.equal("EIO");
    expect(await hello(7, 31)).to.equal("ok 7");
    expect((await client.lookup(root, "x")).status).to.equal("ENOENT");
  });

  it("tells how long names are good for", async () => {
    for (const [cache, seconds, direct] of [
      ["never", 0n, 1],
      ["auto", 1n, 0],
      ["always", 86_400n, 2],
    ] as const) {
      await open({ cache });
      writeFileSync(join(client.directory, "file"), "");
      const { body } = await client.call(opcode.lookup, root, [text("file")]);
      expect(body.readBigUInt64LE(16)).to.equal(seconds);
      expect(body.readBigUInt64LE(24)).to.equal(seconds);
      expect((await client.open(Number(body.readBigUInt64LE(0)))).flags).to.equal(direct);
      if (cache !== "always") client.close();
    }
  });

  it("answers what it does not know, and survives what makes no sense", async () => {
    await open({});
    for (const operation of [0, 7, 19, 31, 32, 37, 39, 40, 48, 51, 52, 4096, 0xffffffff]) {
      expect((await client.call(operation, root)).status, `operation ${operation}`).to.equal("ENOSYS");
    }
    for (const operation of Object.values(opcode)) {
      const silent = [opcode.forget, opcode.batchForget, opcode.interrupt].includes(operation as 2);
      const { status } = await client.call(operation, 12_345, [Buffer.alloc(200, 0xff)]);
      expect(status === "none", `operation ${operation}`).to.equal(silent);
      if (operation === opcode.destroy) await client.init();
    }
    const body = words(40, opcode.getattr, 9n, 1n, 0, 0, 0, 0);
    for (const length of [0, 39, 41, 0xffffffff]) {
      body.writeUInt32LE(length, 0);
      expect((await client.raw([body], 200, body.subarray(8, 16))).status).to.equal("EINVAL");
    }
    expect((await client.call(opcode.lookup, root, [text("x")], { room: 10 })).status).to.equal("EINVAL");
  });

  it("ends for what cannot be answered", async () => {
    await open({});
    const request = Buffer.concat([words(42, opcode.lookup, 9n, 1n, 0, 0, 0, 0), text("x")]);
    const refusal = (readable: Uint8Array[], writable: Uint8Array[]) => {
      try {
        void client.server.serve(readable, writable);
        return "served";
      } catch (error) {
        return codeOf(error);
      }
    };
    expect(refusal([request], [Buffer.alloc(15)])).to.equal("KATA_VMM_FUSE_REQUEST");
    expect(refusal([request.subarray(0, 39)], [Buffer.alloc(100)])).to.equal("KATA_VMM_FUSE_REQUEST");
    expect(refusal([], [])).to.equal("KATA_VMM_FUSE_REQUEST");
  });

  it("forgets no more than it knows", async () => {
    await open({});
    writeFileSync(join(client.directory, "file"), "");
    const { node } = await client.lookup(root, "file");
    await client.lookup(root, "file");
    await client.forget(node, 1);
    expect((await client.attributes(node)).status).to.equal("ok");
    await client.forget(node, 0xffffffffffffffffn);
    await client.forget(node, 5);
    await client.forget(root, 0xffffffffffffffffn);
    await client.forget(999_999, 1);
    expect((await client.attributes(node)).status).to.equal("EBADF");
    expect((await client.attributes(root)).status).to.equal("ok");
    const again = await client.lookup(root, "file");
    // A number is never given twice.
    expect(again.node).to.not.equal(node);
    const batch = [words(2, 0, BigInt(again.node), 1n, 1n, 1n)];
    expect((await client.call(opcode.batchForget, 0, [words(0xffffffff, 0, BigInt(again.node), 1n)])).status).to.equal(
      "none",
    );
    expect(client.server.counts.nodes).to.equal(1);
    expect((await client.call(opcode.batchForget, 0, batch)).status).to.equal("none");
    expect(client.server.counts.nodes).to.equal(0);
  });

  it("knows no nodes but those it has told of", async () => {
    await open({});
    for (const node of [0, 2, 12_345, 2 ** 52]) {
      expect((await client.attributes(node)).status).to.equal("EBADF");
      expect((await client.lookup(node, "x")).status).to.equal("EBADF");
      expect((await client.open(node)).status).to.equal("EBADF");
      expect((await client.call(opcode.rename, root, [words(BigInt(node)), text("a"), text("b")])).status).to.equal(
        "EBADF",
      );
      expect((await client.entry(opcode.link, root, [words(BigInt(node)), text("a")])).status).to.equal("EBADF");
    }
  });

  it("knows and opens only so much at once, and gives every descriptor back", async () => {
    const before = openDescriptors();
    await open({ nodes: 5, handles: 3 });
    for (let i = 0; i < 10; i++) writeFileSync(join(client.directory, `file${i}`), "");
    mkdirSync(join(client.directory, "directory"));
    const nodes: number[] = [];
    for (let i = 0; i < 5; i++) nodes.push((await client.lookup(root, `file${i}`)).node);
    expect((await client.lookup(root, "file5")).status).to.equal("ENFILE");
    expect((await client.create(root, "new")).status).to.equal("ENFILE");
    expect((await client.mkdir(root, "new")).status).to.equal("ENFILE");
    expect((await client.mknod(root, "new", 0o100644)).status).to.equal("ENFILE");
    expect((await client.symlink(root, "new", "x")).status).to.equal("ENFILE");
    expect((await client.lookup(root, "file4")).status).to.equal("ok");
    // A listing shows what it cannot tell more of.
    const shown = await client.list(root, 4096, true);
    expect(shown.length).to.equal(13);
    const [first = 0] = nodes;
    for (let i = 0; i < 3; i++) expect((await client.open(first)).status).to.equal("ok");
    expect((await client.open(first)).status).to.equal("ENFILE");
    expect((await client.open(root, 0, opcode.opendir)).status).to.equal("ENFILE");
    expect((await client.create(root, "file0")).status).to.equal("ENFILE");
    // With the temporary handle of the listing gone and the rest still there:
    expect(client.server.counts).to.deep.equal({ nodes: 5, handles: 3 });
    await client.call(opcode.destroy, 0);
    expect(openDescriptors()).to.equal(before + 1);
    await client.init();
    expect((await client.attributes(first)).status).to.equal("EBADF");
    client.close();
    expect(openDescriptors()).to.equal(before);
  });

  it("keeps a file open until what is under way with it is done", async () => {
    const before = openDescriptors();
    await open({});
    const { node, handle } = await client.create(root, "file");
    const writing = client.write(node, handle, 0, Buffer.alloc(2 ** 20, 0x61));
    expect((await client.release(node, handle)).status).to.equal("ok");
    expect(await writing).to.deep.equal({ status: "ok", count: 2 ** 20 });
    await client.forget(node);
    expect(openDescriptors()).to.equal(before + 1);
  });

  it("cannot be of what is no directory", async () => {
    await open({});
    writeFileSync(join(client.directory, "file"), "");
    const file = openSync(join(client.directory, "file"), "r");
    const code = await FuseClient.open({ root: file, directory: client.directory }).then(() => undefined, codeOf);
    closeSync(file);
    expect(code).to.equal("KATA_VMM_FUSE_ROOT");
  });
});
