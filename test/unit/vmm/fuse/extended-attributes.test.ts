import { closeSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { OpenFlag } from "../../../../src/core/sys/open-flags.js";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { needsRoot } from "../../../support/needs-root.js";
import { FuseClient, root, text, words } from "../../../support/vmm/fuse-client.js";

describe("extended attributes in a shared directory", () => {
  const { inodes } = createLinuxSys();
  let client: FuseClient;
  let node: number;

  beforeEach(async () => {
    client = await FuseClient.open();
    writeFileSync(join(client.directory, "file"), "");
    node = await client.walk("file");
  });
  afterEach(() => client.close());

  const get = async (name: string, size = 1000) => {
    const { status, body } = await client.call(opcode.getxattr, node, [words(size, 0), text(name)]);
    return status === "ok" ? (size === 0 ? body.readUInt32LE(0) : body.toString()) : status;
  };
  const set = async (name: string, value: string | Uint8Array, flags = 0, size = value.length) =>
    (await client.call(opcode.setxattr, node, [words(size, flags), text(name), Buffer.from(value as string)])).status;
  const list = async (size = 1000) => {
    const { status, body } = await client.call(opcode.listxattr, node, [words(size, 0)]);
    return status === "ok" ? (size === 0 ? body.readUInt32LE(0) : body.toString().split("\0").slice(0, -1)) : status;
  };
  const remove = async (name: string) => (await client.call(opcode.removexattr, node, [text(name)])).status;

  it("are set, read, listed and removed", async () => {
    expect(await set("user.one", "value")).to.equal("ok");
    expect(await set("user.empty", "")).to.equal("ok");
    expect(await get("user.one")).to.equal("value");
    expect(await get("user.one", 0)).to.equal(5);
    expect(await get("user.one", 4)).to.equal("ERANGE");
    expect(await get("user.one", 5)).to.equal("value");
    expect(await get("user.two")).to.equal("ENODATA");
    expect(await set("user.one", "x", 1)).to.equal("EEXIST");
    expect(await set("user.two", "x", 2)).to.equal("ENODATA");
    expect(await set("user.two", "x", 4)).to.equal("EINVAL");
    expect(await list()).to.have.members(["user.one", "user.empty"]);
    expect(await list(0)).to.equal(20);
    expect(await list(19)).to.equal("ERANGE");
    expect(await remove("user.one")).to.equal("ok");
    expect(await remove("user.one")).to.equal("ENODATA");
    expect(await list()).to.deep.equal(["user.empty"]);
  });

  it("have values that end where the request does", async () => {
    expect(await set("user.one", "value", 0, 4)).to.equal("EINVAL");
    expect(await set("user.one", "value", 0, 6)).to.equal("EINVAL");
    expect(await set("user.one", "value", 0, 0xffffffff)).to.equal("EINVAL");
    expect(await set(`user.${"x".repeat(300)}`, "value")).to.equal("ERANGE");
    expect(await set("user.big", Buffer.alloc(65_537, 1))).to.be.oneOf(["ERANGE", "E2BIG"]);
    expect(await list()).to.deep.equal([]);
  });

  it("are only the guest's own: not those that the host's kernel and file systems rely on", async () => {
    const others = [
      "trusted.overlay.opaque",
      "security.selinux",
      "security.ima",
      "system.posix_acl_access",
      "user.",
      "x",
      "security.capabilityx",
    ];
    for (const name of others) {
      expect(await set(name, "y"), name).to.equal("EOPNOTSUPP");
      expect(await get(name), name).to.equal("EOPNOTSUPP");
      expect(await remove(name), name).to.equal("EOPNOTSUPP");
    }
    expect(await list()).to.deep.equal([]);
  });

  it("of the host are there, and not shown", async function () {
    needsRoot(this);
    const value = Buffer.from("y");
    const opened = openSync(join(client.directory, "file"), "r");
    try {
      expect(inodes.setAttribute(opened, text("trusted.host"), value, 0)).to.equal(0);
      expect(inodes.setAttribute(opened, text("user.host"), value, 0)).to.equal(0);
      expect(await list()).to.deep.equal(["user.host"]);
      expect(await list(0)).to.equal(10);
      expect(await remove("trusted.host")).to.equal("EOPNOTSUPP");
      expect(inodes.getAttribute(opened, text("trusted.host"), Buffer.alloc(10))).to.equal(1);
    } finally {
      closeSync(opened);
    }
  });

  it("of programs' capabilities are the guest's", async function () {
    needsRoot(this);
    // VFS_CAP_REVISION_2, CAP_NET_RAW.
    const capability = Buffer.concat([words(0x02000001, 1 << 13, 0, 0, 0)]);
    expect(await set("security.capability", capability)).to.equal("ok");
    expect(await get("security.capability", 0)).to.equal(20);
    expect(await list()).to.deep.equal(["security.capability"]);
    expect(await remove("security.capability")).to.equal("ok");
  });

  // CVE-2021-20263 of virtiofsd: a program that was changed kept its capabilities.
  it("of programs' capabilities go when the program is changed", async function () {
    needsRoot(this);
    const capability = Buffer.concat([words(0x02000001, 1 << 13, 0, 0, 0)]);
    const { handle } = await client.open(node, OpenFlag.readWrite);
    const changes: readonly (() => Promise<unknown>)[] = [
      () => client.write(node, handle, 0, Buffer.from("x")),
      () => client.write(node, handle, 0, Buffer.alloc(100_000)),
      () => client.call(opcode.setattr, node, [words(8, 0, 0n, 10n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 0, 0, 0)]),
      () => client.call(opcode.setattr, node, [words(2, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 1234, 0, 0)]),
    ];
    for (const change of changes) {
      expect(await set("security.capability", capability)).to.equal("ok");
      await change();
      expect(await list()).to.deep.equal([]);
    }
  });

  it("are none of a symbolic link", async () => {
    symlinkSync("file", join(client.directory, "link"));
    const link = (await client.lookup(root, "link")).node;
    const value = [words(1, 0), text("user.one"), Buffer.from("y")];
    expect((await client.call(opcode.setxattr, link, value)).status).to.equal("EOPNOTSUPP");
    expect(await list()).to.deep.equal([]);
  });
});
