import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { OpenFlag } from "../../../../src/core/sys/open-flags.js";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { needsRoot } from "../../../support/needs-root.js";
import { FuseClient, root, text, words } from "../../../support/vmm/fuse-client.js";

describe("ways out of a shared directory", () => {
  let outer: string;
  let client: FuseClient;
  const inside = (...names: string[]) => join(outer, "share", ...names);
  const secret = () => join(outer, "secret");

  beforeEach(async () => {
    outer = mkdtempSync(join(tmpdir(), "fuse-outer-"));
    mkdirSync(inside());
    writeFileSync(secret(), "secret");
    mkdirSync(join(outer, "other"));
    writeFileSync(join(outer, "other", "secret"), "secret");
    client = await FuseClient.open({ directory: inside() });
  });
  afterEach(() => {
    client.close();
    rmSync(outer, { recursive: true, force: true });
  });

  /** Nothing outside was changed. */
  function unharmed(): void {
    expect(readdirSync(outer).toSorted()).to.deep.equal(["other", "secret", "share"]);
    expect(readdirSync(join(outer, "other"))).to.deep.equal(["secret"]);
    for (const path of [secret(), join(outer, "other", "secret")]) {
      expect(readFileSync(path, "utf8")).to.equal("secret");
      expect(statSync(path)).to.include({ mode: 0o100644, nlink: 1 });
    }
  }

  // CVE-2026-47243 of Kata: a guest that makes a link to an absolute path with FUSE of its own, served without a sandbox.
  for (const [what, target] of [
    ["absolute", () => outer],
    ["relative", () => "../other"],
    ["of the root", () => "/"],
    ["of the kernel's own", () => "/proc/self/root"],
  ] as const) {
    it(`a symbolic link, ${what}, is not one: nothing is reached by it`, async () => {
      const link = await client.symlink(root, "link", target());
      expect(link.status).to.equal("ok");
      expect((await client.call(opcode.readlink, link.node)).body.toString()).to.equal(target());
      expect((await client.lookup(root, "link")).attributes.mode & 0o170000).to.equal(0o120000);
      for (const name of ["secret", "etc", "share"]) {
        expect((await client.lookup(link.node, name)).status).to.equal("ENOTDIR");
        expect((await client.create(link.node, name)).status).to.equal("ENOTDIR");
        expect((await client.mkdir(link.node, name)).status).to.equal("ENOTDIR");
        expect((await client.call(opcode.unlink, link.node, [text(name)])).status).to.equal("ENOTDIR");
      }
      expect((await client.open(link.node)).status).to.equal("ELOOP");
      expect((await client.open(link.node, OpenFlag.pathOnly)).status).to.equal("ELOOP");
      expect((await client.open(link.node, 0, opcode.opendir)).status).to.equal("ENOTDIR");
      expect((await client.create(root, "link")).status).to.equal("ELOOP");
      unharmed();
    });
  }

  // CVE-2026-13201 of KubeVirt: a descriptor of a link, used by its path in /proc, led to what the link names.
  it("a symbolic link to a file is neither read, written, changed nor linked through", async () => {
    symlinkSync(secret(), inside("link"));
    const node = await client.walk("link");
    expect((await client.open(node)).status).to.equal("ELOOP");
    expect((await client.create(root, "link", OpenFlag.write | OpenFlag.truncate)).status).to.equal("ELOOP");
    const change = (valid: number) =>
      client.call(opcode.setattr, node, [words(valid, 0, 0n, 0n, 0n, 7n, 7n, 0n, 0, 0, 0, 0o777, 0, 1234, 1234, 0)]);
    expect((await change(1)).status).to.equal("EOPNOTSUPP");
    expect((await change(8)).status).to.equal("EINVAL");
    expect((await change(16 | 32)).status).to.equal("ok");
    expect(statSync(secret()).mtimeMs).to.be.greaterThan(7000);
    const hard = await client.entry(opcode.link, root, [words(BigInt(node)), text("hard")]);
    expect(hard).to.include({ status: "ok", node });
    const attribute = [words(1, 0), text("user.x"), Buffer.from("y")];
    expect((await client.call(opcode.setxattr, node, attribute)).status).to.equal("EOPNOTSUPP");
    expect((await client.call(opcode.getxattr, node, [words(100, 0), text("user.x")])).status).to.equal("EOPNOTSUPP");
    expect((await client.call(opcode.listxattr, node, [words(100, 0)])).body.length).to.equal(0);
    unharmed();
  });

  it("a name that climbs is none", async () => {
    const below = (await client.mkdir(root, "directory")).node;
    for (const name of ["..", "../secret", "directory/../../secret", secret()]) {
      for (const parent of [root, below]) {
        expect((await client.lookup(parent, name)).status).to.equal("EINVAL");
        expect((await client.create(parent, name)).status).to.equal("EINVAL");
      }
      const move = [words(BigInt(root)), text("directory"), text(name)];
      expect((await client.call(opcode.rename, root, move)).status).to.equal("EINVAL");
    }
    unharmed();
  });

  it("a node stays the file it was, whatever its name leads to later", async () => {
    const file = await client.create(root, "file");
    await client.write(file.node, file.handle, 0, Buffer.from("mine"));
    rmSync(inside("file"));
    symlinkSync(secret(), inside("file"));
    const { handle, status } = await client.open(file.node, OpenFlag.readWrite);
    expect(status).to.equal("ok");
    expect((await client.read(file.node, handle, 0, 100)).body.toString()).to.equal("mine");
    await client.write(file.node, handle, 0, Buffer.from("more"));
    const truncate = [words(8, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 0, 0, 0)];
    expect((await client.call(opcode.setattr, file.node, truncate)).status).to.equal("ok");
    unharmed();
  });

  // CVE-2020-35517 of virtiofsd: a guest's root opened a device of the host's.
  it("devices, fifos and sockets are made and shown, and never opened", async function () {
    needsRoot(this);
    // Memory of the host, which a program of the host's could open: here it is only a name.
    const device = await client.mknod(root, "mem", 0o020666, 0x101);
    const disk = await client.mknod(root, "disk", 0o060666, 0x700);
    const fifo = await client.mknod(root, "fifo", 0o010666);
    const socket = await client.mknod(root, "socket", 0o140666);
    for (const { node, status } of [device, disk, fifo, socket]) {
      expect(status).to.equal("ok");
      for (const flags of [0, 1, 2, 0o1002, OpenFlag.pathOnly, 0o4000]) {
        expect((await client.open(node, flags)).status).to.equal("ENXIO");
      }
      expect((await client.open(node, 0, opcode.opendir)).status).to.equal("ENOTDIR");
    }
    expect((await client.create(root, "fifo")).status).to.equal("ENXIO");
    expect((await client.mknod(root, "directory", 0o040755)).status).to.equal("EINVAL");
    expect((await client.mknod(root, "link", 0o120777)).status).to.equal("EINVAL");
  });

  it("mounts below it are crossed, and what they may not is not done", async function () {
    needsRoot(this);
    const { mounts } = createLinuxSys();
    mkdirSync(inside("read"));
    mkdirSync(inside("write"));
    mkdirSync(join(outer, "volume"));
    writeFileSync(join(outer, "volume", "file"), "content");
    try {
      await mounts.bind(join(outer, "volume"), inside("write"));
      await mounts.bind(join(outer, "volume"), inside("read"), { readOnly: true });
      const write = await client.lookup(root, "write");
      const read = await client.lookup(root, "read");
      // One directory, by two mounts: two nodes, of which one must not be taken for the other.
      expect(read.attributes.inode).to.equal(write.attributes.inode);
      expect(read.node).to.not.equal(write.node);
      expect([read.attributes.flags, write.attributes.flags]).to.deep.equal([1, 1]);
      const [viaWrite, viaRead] = [await client.lookup(write.node, "file"), await client.lookup(read.node, "file")];
      expect(viaRead.attributes.flags).to.equal(0);
      expect((await client.open(viaRead.node, OpenFlag.readWrite)).status).to.equal("EROFS");
      expect((await client.open(viaRead.node)).status).to.equal("ok");
      expect((await client.open(viaWrite.node, OpenFlag.readWrite)).status).to.equal("ok");
      expect((await client.create(read.node, "new")).status).to.equal("EROFS");
      expect((await client.create(write.node, "new")).status).to.equal("ok");
      const mode = [words(1, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0o777, 0, 0, 0, 0)];
      expect((await client.call(opcode.setattr, viaRead.node, mode)).status).to.equal("EROFS");
      const size = [words(8, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 0, 0, 0)];
      expect((await client.call(opcode.setattr, viaRead.node, size)).status).to.equal("EROFS");
      const hard = await client.entry(opcode.link, write.node, [words(BigInt(viaRead.node)), text("hard")]);
      expect(hard.status).to.equal("EXDEV");
      expect(readFileSync(join(outer, "volume", "file"), "utf8")).to.equal("content");
    } finally {
      client.close();
      await mounts.unmountTree(inside("write"), { detach: true });
      await mounts.unmountTree(inside("read"), { detach: true });
    }
  });

  describe("while names are changed all the time", () => {
    let changer: ChildProcess;

    beforeEach(async () => {
      mkdirSync(inside("directory"));
      writeFileSync(inside("directory", "secret"), "mine");
      symlinkSync(join(outer, "other"), inside("link"));
      // A directory and a link that leads out of the share take each other's name, again and again.
      const program = `
        const { renameSync } = require("node:fs");
        process.chdir(process.argv[1]);
        console.log("ready");
        for (;;) {
          renameSync("directory", "a"); renameSync("link", "directory"); renameSync("a", "link");
          renameSync("directory", "a"); renameSync("link", "directory"); renameSync("a", "link");
        }`;
      changer = spawn(process.execPath, ["-e", program, inside()], { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((resolve) => changer.stdout?.once("data", resolve));
    });
    afterEach(async () => {
      const exited = new Promise((resolve) => changer.once("exit", resolve));
      changer.kill("SIGKILL");
      await exited;
    });

    it("nothing outside is read, changed or made", async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 1000; i++) {
        const { node, status, attributes } = await client.lookup(root, "directory");
        seen.add(status === "ok" ? (attributes.mode & 0o170000).toString(8) : status);
        if (status !== "ok") continue;
        const file = await client.lookup(node, "secret");
        if (file.status === "ok") {
          const { handle } = await client.open(file.node, OpenFlag.readWrite);
          expect((await client.read(file.node, handle, 0, 100)).body.toString()).to.equal("mine");
          await client.write(file.node, handle, 0, Buffer.from("mine"));
          await client.release(file.node, handle);
          await client.forget(file.node);
        }
        const made = await client.create(node, "made", undefined, 0o600, { uid: 1, gid: 1 });
        if (made.status === "ok") {
          await client.release(made.node, made.handle);
          await client.forget(made.node);
          await client.call(opcode.unlink, node, [text("made")]);
        }
        await client.forget(node);
      }
      // The race was there.
      expect([...seen]).to.include.members(["40000", "120000"]);
      unharmed();
      expect(existsSync(join(outer, "other", "made"))).to.equal(false);
      expect(client.server.counts).to.deep.equal({ nodes: 0, handles: 0 });
    }).timeout(60_000);
  });
});
