import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { FileTree, sha256OfFile } from "../../../../guest/image/file-tree.js";
import { temporaryDirectory } from "./temporary-directory.js";

describe("FileTree", () => {
  const directory = temporaryDirectory();

  it("makes the parents a path needs", () => {
    const tree = new FileTree();
    tree.file("/a/b/c", "x");
    expect(tree.entries().map(([path, { kind }]) => `${kind} ${path}`)).to.deep.equal([
      "directory /a",
      "directory /a/b",
      "file /a/b/c",
    ]);
  });

  it("refuses what is no plain absolute path", () => {
    for (const path of ["a", "/", "/a/", "/a/../b", "/a//b", "/./a", ""]) {
      expect(() => new FileTree().file(path, ""), path)
        .to.throw()
        .with.property("code", "KATA_GUEST_IMAGE_FORMAT");
    }
  });

  it("refuses two things at one place, but for a directory", () => {
    const tree = new FileTree();
    tree.directory("/a", 0o700);
    tree.directory("/a", 0o755);
    tree.file("/a/b", "");
    expect(() => tree.symlink("/a/b", "c")).to.throw("twice");
    expect(() => tree.file("/a/b/c", "")).to.throw("/a/b is a file");
  });

  it("has a digest of every path, mode, target and byte", () => {
    const source = join(directory.path, "source");
    writeFileSync(source, "bytes");
    const digest = (fill: (tree: FileTree) => void): string => {
      const tree = new FileTree();
      fill(tree);
      return tree.digest();
    };
    const digests = [
      digest((tree) => tree.file("/f", "bytes")),
      digest((tree) => tree.file("/f", "bytez")),
      digest((tree) => tree.file("/g", "bytes")),
      digest((tree) => tree.file("/f", "bytes", 0o755)),
      digest((tree) => tree.symlink("/f", "bytes")),
      digest((tree) => tree.directory("/f")),
    ];
    expect(new Set(digests).size).to.equal(digests.length);
    expect(digest((tree) => tree.copy("/f", source))).to.equal(digests[0]);
  });

  it("hashes files longer than one read", () => {
    const path = join(directory.path, "long");
    writeFileSync(path, Buffer.alloc((1 << 20) + 1));
    expect(sha256OfFile(path)).to.equal("2cb74edba754a81d121c9db6833704a8e7d417e5b13d1a19f4a52f007d644264");
  });
});
