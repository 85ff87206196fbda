import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { OpenFlag } from "../../../../src/core/sys/open-flags.js";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { FuseClient, root, text, words } from "../../../support/vmm/fuse-client.js";

describe("a shared directory that is read-only", () => {
  let client: FuseClient;

  beforeEach(async () => {
    client = await FuseClient.open({ readOnly: true });
    writeFileSync(join(client.directory, "file"), "content");
  });
  afterEach(() => client.close());

  it("is read", async () => {
    const node = await client.walk("file");
    const { handle } = await client.open(node);
    expect((await client.read(node, handle, 0, 100)).body.toString()).to.equal("content");
    expect((await client.list(root, 4096, true)).map(({ name }) => name.toString())).to.include("file");
  });

  it("is changed by nothing", async () => {
    const before = statSync(join(client.directory, "file"));
    const node = await client.walk("file");
    for (const flags of [OpenFlag.write, OpenFlag.readWrite, OpenFlag.read | OpenFlag.truncate]) {
      expect((await client.open(node, flags)).status).to.equal("EROFS");
    }
    const { handle } = await client.open(node);
    const id = BigInt(node);
    const changes: readonly (readonly [number, number, readonly Uint8Array[]])[] = [
      [opcode.setattr, node, [words(1, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0o777, 0, 0, 0, 0)]],
      [opcode.symlink, root, [text("new"), text("x")]],
      [opcode.mknod, root, [words(0o100644, 0, 0, 0), text("new")]],
      [opcode.mkdir, root, [words(0o755, 0), text("new")]],
      [opcode.create, root, [words(0o102, 0o644, 0, 0), text("new")]],
      [opcode.create, root, [words(0o100, 0o644, 0, 0), text("file")]],
      [opcode.unlink, root, [text("file")]],
      [opcode.rmdir, root, [text("file")]],
      [opcode.rename, root, [words(1n), text("file"), text("new")]],
      [opcode.rename2, root, [words(1n, 0, 0), text("file"), text("new")]],
      [opcode.link, root, [words(id), text("new")]],
      [opcode.write, node, [words(handle, 0n, 1, 0, 0n, 0, 0), Buffer.from("x")]],
      [opcode.setxattr, node, [words(1, 0), text("user.x"), Buffer.from("y")]],
      [opcode.removexattr, node, [text("user.x")]],
      [opcode.fallocate, node, [words(handle, 0n, 100n, 0, 0)]],
      [opcode.copyFileRange, node, [words(handle, 0n, id, handle, 10n, 5n, 0n)]],
    ];
    for (const [operation, about, args] of changes) {
      expect((await client.call(operation, about, args)).status, `operation ${operation}`).to.equal("EROFS");
    }
    expect((await client.call(opcode.access, node, [words(2, 0)])).status).to.equal("EROFS");
    expect(readdirSync(client.directory)).to.deep.equal(["file"]);
    expect(readFileSync(join(client.directory, "file"), "utf8")).to.equal("content");
    expect(statSync(join(client.directory, "file")).ctimeMs).to.equal(before.ctimeMs);
  });
});
