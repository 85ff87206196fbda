import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { needsRoot } from "../../../support/needs-root.js";
import { FuseClient, root, text, words } from "../../../support/vmm/fuse-client.js";

describe("names in a shared directory", () => {
  let client: FuseClient;
  const path = (...names: string[]) => join(client.directory, ...names);

  beforeEach(async () => {
    client = await FuseClient.open();
  });
  afterEach(() => client.close());

  it("are looked up, with what they are", async () => {
    writeFileSync(path("file"), "hello", { mode: 0o640 });
    chmodSync(path("file"), 0o640);
    const { node, attributes } = await client.lookup(root, "file");
    expect(attributes).to.include({ size: 5, mode: 0o100640, links: 1, uid: process.getuid?.(), flags: 0 });
    expect(attributes.inode).to.equal(lstatSync(path("file"), { bigint: true }).ino);
    expect(await client.attributes(node)).to.deep.include({ status: "ok", ...attributes });
    expect((await client.lookup(root, "none")).status).to.equal("ENOENT");
    expect((await client.lookup(node, "below")).status).to.equal("ENOTDIR");
  });

  it("of one file are one node", async () => {
    writeFileSync(path("one"), "");
    linkSync(path("one"), path("two"));
    const [one, two] = [await client.lookup(root, "one"), await client.lookup(root, "two")];
    expect(two.node).to.equal(one.node);
    expect(client.server.counts.nodes).to.equal(1);
    await client.forget(one.node);
    expect((await client.attributes(one.node)).links).to.equal(2);
    await client.forget(one.node);
    expect((await client.attributes(one.node)).status).to.equal("EBADF");
  });

  it("are refused that are no single name", async () => {
    for (const name of ["", ".", "..", "a/b", "/", "../x", "/etc"]) {
      expect((await client.lookup(root, name)).status, name).to.equal("EINVAL");
      expect((await client.mkdir(root, name)).status, name).to.equal("EINVAL");
      expect((await client.create(root, name)).status, name).to.equal("EINVAL");
      expect((await client.symlink(root, name, "x")).status, name).to.equal("EINVAL");
      expect((await client.call(opcode.unlink, root, [text(name)])).status, name).to.equal("EINVAL");
      const renaming = await client.call(opcode.rename, root, [words(1n), text("a"), text(name)]);
      expect(renaming.status, name).to.equal("EINVAL");
    }
    const long = "n".repeat(256);
    expect((await client.lookup(root, long)).status).to.equal("ENAMETOOLONG");
    expect((await client.mkdir(root, long)).status).to.equal("ENAMETOOLONG");
    expect((await client.mkdir(root, long.slice(1))).status).to.equal("ok");
    expect((await client.lookup(root, "n".repeat(100_000))).status).to.equal("ENAMETOOLONG");
    // A name that does not end.
    expect((await client.call(opcode.lookup, root, [Buffer.from("abc")])).status).to.equal("EINVAL");
    expect((await client.call(opcode.lookup, root, [])).status).to.equal("EINVAL");
    expect(readdirSync(path())).to.deep.equal([long.slice(1)]);
  });

  it("need not be UTF-8", async () => {
    const name = Buffer.from([0x66, 0xff, 0xfe, 0x80, 0x0a]);
    expect((await client.create(root, name)).status).to.equal("ok");
    expect((await client.mkdir(root, Buffer.concat([name, name]))).status).to.equal("ok");
    expect((await client.lookup(root, name)).status).to.equal("ok");
    const there = readdirSync(Buffer.from(path()), { encoding: "buffer" });
    expect(there.map((one) => one.toString("hex")).sort()).to.deep.equal(
      [name.toString("hex"), Buffer.concat([name, name]).toString("hex")].sort(),
    );
    expect((await client.list(root)).some((entry) => entry.name.equals(name))).to.equal(true);
    expect((await client.call(opcode.unlink, root, [text(name)])).status).to.equal("ok");
  });

  it("are made, moved and removed", async () => {
    const directory = await client.mkdir(root, "directory", 0o1750);
    expect(directory.attributes.mode).to.equal(0o041750);
    const file = await client.create(directory.node, "file", undefined, 0o4711);
    expect(file.attributes.mode).to.equal(0o104711);
    expect((await client.symlink(root, "link", "directory/file")).attributes.mode & 0o170000).to.equal(0o120000);
    expect(readlinkSync(path("link"))).to.equal("directory/file");
    const hard = await client.entry(opcode.link, root, [words(BigInt(file.node)), text("hard")]);
    expect(hard).to.include({ status: "ok", node: file.node });
    expect(statSync(path("hard")).nlink).to.equal(2);
    const move = [words(BigInt(root)), text("file"), text("moved")];
    expect((await client.call(opcode.rename, directory.node, move)).status).to.equal("ok");
    const again = [words(BigInt(root), 1, 0), text("hard"), text("moved")];
    expect((await client.call(opcode.rename2, root, again)).status).to.equal("EEXIST");
    const swap = [words(BigInt(root), 2, 0), text("moved"), text("directory")];
    expect((await client.call(opcode.rename2, root, swap)).status).to.equal("ok");
    expect(statSync(path("moved")).isDirectory()).to.equal(true);
    expect((await client.call(opcode.rename2, root, [words(1n, 8, 0), text("a"), text("b")])).status).to.equal(
      "EINVAL",
    );
    expect((await client.call(opcode.unlink, root, [text("moved")])).status).to.equal("EISDIR");
    expect((await client.call(opcode.rmdir, root, [text("hard")])).status).to.equal("ENOTDIR");
    expect((await client.call(opcode.rmdir, root, [text("moved")])).status).to.equal("ok");
    for (const name of ["hard", "directory", "link"]) {
      expect((await client.call(opcode.unlink, root, [text(name)])).status).to.equal("ok");
    }
    expect(readdirSync(path())).to.deep.equal([]);
    // What was removed is still there to who knows it.
    expect(await client.attributes(file.node)).to.include({ status: "ok", links: 0, mode: 0o104711 });
  });

  it("belong to who asked for them, or to the group of their directory", async function () {
    needsRoot(this);
    const who = { uid: 1234, gid: 4321 };
    const made = [
      await client.mkdir(root, "directory", 0o755, who),
      await client.create(root, "file", undefined, 0o644, who),
      await client.mknod(root, "fifo", 0o010600, 0, who),
      await client.mknod(root, "device", 0o020666, 0x103, who),
      await client.mknod(root, "plain", 0o100640, 0, who),
    ];
    expect(made.map(({ attributes }) => attributes.mode)).to.deep.equal([
      0o040755, 0o100644, 0o010600, 0o020666, 0o100640,
    ]);
    for (const { attributes } of made) expect(attributes).to.include(who);
    expect(lstatSync(path("device")).rdev).to.equal(0x103);
    expect(made[3]?.attributes.device).to.equal(0x103);
    mkdirSync(path("group"));
    chmodSync(path("group"), 0o2777);
    const group = await client.walk("group");
    expect((await client.create(group, "file", undefined, 0o644, who)).attributes).to.include({ uid: 1234, gid: 0 });
    // CVE-2022-0358 of virtiofsd: a program that runs with a group's rights, made by who has none.
    const program = async (name: string, owner: { uid: number; gid: number }) =>
      (await client.create(group, name, undefined, 0o2755, owner)).attributes.mode;
    expect(await program("stranger", who)).to.equal(0o100755);
    expect(await program("member", { uid: 1234, gid: 0 })).to.equal(0o102755);
    expect(await program("root", { uid: 0, gid: 4321 })).to.equal(0o102755);
    const below = await client.mkdir(group, "directory", 0o755, who);
    expect(below.attributes).to.include({ uid: 1234, gid: 0, mode: 0o042755 });
  });

  it("are made whatever the process's umask is", async () => {
    const before = process.umask(0o077);
    try {
      expect((await client.mkdir(root, "directory", 0o777)).attributes.mode).to.equal(0o040777);
      expect((await client.create(root, "file", undefined, 0o666)).attributes.mode).to.equal(0o100666);
    } finally {
      process.umask(before);
    }
  });

  it("exist already: a CREATE opens what is there unless it wants a new one", async () => {
    writeFileSync(path("there"), "content");
    mkdirSync(path("directory"));
    expect((await client.create(root, "there", 0o202)).status).to.equal("EEXIST");
    const opened = await client.create(root, "there");
    expect(opened).to.include({ status: "ok" });
    expect((await client.read(opened.node, opened.handle, 0, 100)).body.toString()).to.equal("content");
    expect((await client.create(root, "there", 0o1002)).attributes.size).to.equal(0);
    expect((await client.create(root, "directory")).status).to.equal("EISDIR");
    expect((await client.mkdir(root, "there")).status).to.equal("EEXIST");
    expect(existsSync(path("there"))).to.equal(true);
  });
});
