import { expect } from "chai";
import * as fc from "fast-check";
import { cpioArchive } from "../../../../guest/image/cpio.js";
import { FileTree } from "../../../../guest/image/file-tree.js";

interface Member {
  readonly name: string;
  readonly mode: number;
  readonly inode: number;
  readonly time: number;
  readonly data: Buffer;
}

/** Reads an archive as the kernel does: every header and every file begin at a multiple of four. */
function members(archive: Buffer): Member[] {
  const found: Member[] = [];
  let at = 0;
  for (;;) {
    expect(archive.toString("latin1", at, at + 6), `magic at ${at}`).to.equal("070701");
    const head = archive.toString("latin1", at, at + 110);
    const field = (index: number): number => Number.parseInt(head.slice(6 + index * 8, 14 + index * 8), 16);
    const nameLength = field(11);
    const name = archive.toString("utf8", at + 110, at + 110 + nameLength - 1);
    const start = Math.ceil((at + 110 + nameLength) / 4) * 4;
    const data = archive.subarray(start, start + field(6));
    at = Math.ceil((start + field(6)) / 4) * 4;
    if (name === "TRAILER!!!") break;
    found.push({ name, mode: field(1), inode: field(0), time: field(5), data });
  }
  expect(at).to.equal(archive.length);
  return found;
}

const arbitraryName = fc.stringMatching(/^[a-z][a-z0-9._-]{0,30}$/);

describe("cpioArchive", () => {
  it("holds what the tree holds, parents first", () => {
    const tree = new FileTree();
    tree.file("/usr/bin/run", "#!/bin/sh\n", 0o755);
    tree.symlink("/bin", "usr/bin");
    tree.directory("/tmp", 0o1777);
    const found = members(cpioArchive(tree, 77));
    expect(found.map(({ name, mode }) => [name, mode.toString(8)])).to.deep.equal([
      ["bin", "120777"],
      ["tmp", "41777"],
      ["usr", "40755"],
      ["usr/bin", "40755"],
      ["usr/bin/run", "100755"],
    ]);
    expect(found[0]?.data.toString()).to.equal("usr/bin");
    expect(found[4]?.data.toString()).to.equal("#!/bin/sh\n");
    expect(found.every(({ time }) => time === 77)).to.equal(true);
    expect(new Set(found.map(({ inode }) => inode)).size).to.equal(found.length);
  });

  it("keeps every byte of files of any name and length", () => {
    const files = fc.dictionary(arbitraryName, fc.uint8Array({ maxLength: 300 }), { noNullPrototype: true });
    fc.assert(
      fc.property(files, (contents) => {
        const tree = new FileTree();
        for (const [name, data] of Object.entries(contents)) tree.file(`/${name}`, Buffer.from(data));
        const found = members(cpioArchive(tree, 0));
        expect(Object.fromEntries(found.map(({ name, data }) => [name, [...data]]))).to.deep.equal(
          Object.fromEntries(Object.entries(contents).map(([name, data]) => [name, [...data]])),
        );
      }),
    );
  });

  it("gives the same bytes whatever the order things were added in", () => {
    const archive = (names: readonly string[]): Buffer => {
      const tree = new FileTree();
      for (const name of names) tree.file(name, name);
      return cpioArchive(tree, 5);
    };
    expect(archive(["/a/b", "/c", "/a/a"]).equals(archive(["/c", "/a/a", "/a/b"]))).to.equal(true);
  });
});
