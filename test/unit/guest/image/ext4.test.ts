import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { writeExt4 } from "../../../../guest/image/ext4.js";
import { FileTree, sha256OfFile } from "../../../../guest/image/file-tree.js";
import { temporaryDirectory } from "./temporary-directory.js";

const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };

const debugfs = (image: string, request: string): string =>
  execFileSync("debugfs", ["-R", request, image], { encoding: "utf8", env, stdio: ["ignore", "pipe", "ignore"] });

describe("writeExt4", () => {
  const directory = temporaryDirectory();

  async function image(name: string, contents: Readonly<Record<string, string>>): Promise<string> {
    const tree = new FileTree();
    for (const [path, content] of Object.entries(contents)) tree.file(path, content, 0o640);
    tree.symlink("/link", "a/b");
    tree.directory("/tmp", 0o1777);
    const copied = join(directory.path, `${name}.source`);
    writeFileSync(copied, "copied");
    tree.copy("/copied", copied, 0o755);
    const work = join(directory.path, name);
    mkdirSync(work);
    const path = join(directory.path, `${name}.img`);
    await writeExt4(tree, path, work);
    return path;
  }

  it("makes a sound file system of the tree, all of it root's", async () => {
    const path = await image("one", { "/a/b": "hello", "/a/c": "" });
    execFileSync("e2fsck", ["-f", "-n", path], { env, stdio: "ignore" });
    expect(debugfs(path, "cat /a/b")).to.equal("hello");
    expect(debugfs(path, "cat /copied")).to.equal("copied");
    expect(debugfs(path, "stat /link")).to.include('Fast link dest: "a/b"');
    const stat = debugfs(path, "stat /a/b");
    expect(stat)
      .to.match(/Mode: +0640/)
      .and.match(/User: +0 +Group: +0 /);
    expect(debugfs(path, "stat /tmp")).to.match(/Mode: +01777/);
    for (const kind of ["ctime", "atime", "mtime", "crtime"]) {
      expect(stat).to.match(new RegExp(`\\b${kind}: 0x63b0cd00:00000000`));
    }
  });

  it("gives the same bytes for the same tree, at another time and place", async () => {
    const first = await image("one", { "/z": "z", "/a/b": "hello", "/a/c": "x".repeat(10_000) });
    await pause(1100);
    const second = await image("two", { "/a/c": "x".repeat(10_000), "/a/b": "hello", "/z": "z" });
    expect(sha256OfFile(first)).to.equal(sha256OfFile(second));
    expect(readFileSync(first).length % (128 << 20)).to.equal(0);
  });
});
