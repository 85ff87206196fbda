import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { MountedTree } from "../../../../src/core/cgroup/mounted-tree.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { errnoNameOf } from "../../../../src/core/sys/sys-error.js";

describe("a hierarchy of cgroups as files", () => {
  let directory: string;
  let tree: MountedTree;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-cgroups-"));
    mkdirSync(join(directory, "root"));
    mkdirSync(join(directory, "outside"));
    tree = new MountedTree(createLinuxSys(), { mountPoint: join(directory, "root"), root: "/" }, () => true);
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const errno = async (act: () => unknown): Promise<string | undefined> => {
    try {
      await act();
    } catch (error) {
      return errnoNameOf(error);
    }
    return "no error";
  };

  it("has directories made and removed one by one", async () => {
    expect(tree.has(["a"])).to.equal(false);
    expect(tree.make(["a"])).to.equal(true);
    expect(tree.make(["a"])).to.equal(false);
    expect(tree.make(["a", "b"])).to.equal(true);
    expect(tree.has(["a", "b"])).to.equal(true);
    expect(tree.children(["a"])).to.deep.equal(["b"]);
    expect(await errno(() => tree.remove(["a"]))).to.equal("ENOTEMPTY");
    tree.remove(["a", "b"]);
    tree.remove(["a"]);
    expect(await errno(() => tree.remove(["a"]))).to.equal("ENOENT");
    expect(await errno(() => tree.make(["a", "b"]))).to.equal("ENOENT");
  });

  it("has files read and written, and makes none", async () => {
    writeFileSync(join(directory, "root", "cpu.max"), "max 100000\n");
    expect(await tree.read([], "cpu.max")).to.equal("max 100000");
    await tree.write([], "cpu.max", "5 6");
    expect(readFileSync(join(directory, "root", "cpu.max"), "utf8")).to.equal("5 6 100000\n");
    expect(await errno(() => tree.write([], "none", "1"))).to.equal("ENOENT");
  });

  it("follows no symbolic link, wherever it stands", async () => {
    const outside = join(directory, "outside");
    writeFileSync(join(outside, "file"), "secret");
    symlinkSync(outside, join(directory, "root", "link"));
    symlinkSync(join(outside, "file"), join(directory, "root", "file"));
    for (const act of [
      () => tree.has(["link"]),
      () => tree.make(["link", "a"]),
      () => tree.children(["link"]),
      () => tree.read(["link"], "file"),
      () => tree.read([], "file"),
      () => tree.write([], "file", "1"),
      () => tree.remove(["link", "a"]),
    ]) {
      expect(await errno(act)).to.equal("ELOOP");
    }
    expect(tree.make(["link"])).to.equal(false);
    expect(await errno(() => tree.remove(["link"]))).to.equal("ENOTDIR");
    expect(readFileSync(join(outside, "file"), "utf8")).to.equal("secret");
  });

  it("stays below its root, also for names that a path would leave it by", async () => {
    for (const path of [
      ["..", "outside"],
      ["a", "..", "..", "outside"],
    ]) {
      expect(await errno(() => tree.has(path))).to.be.oneOf(["EXDEV", "no error"]);
      expect(await errno(() => tree.make([...path, "b"]))).to.be.oneOf(["EXDEV", "ENOENT"]);
    }
  });

  it("knows where this process is, as far as it is mounted", () => {
    const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
    const [, names = "", own = ""] = lines[0]?.split(":") ?? [];
    const of = (root: string) =>
      new MountedTree(createLinuxSys(), { mountPoint: directory, root }, (one) => one === names).own();
    const path = own.split("/").filter((name) => name !== "");
    expect(of("/")).to.deep.equal(path);
    expect(of(own)).to.deep.equal([]);
    expect(of("/somewhere/else")).to.equal(undefined);
  });
});
