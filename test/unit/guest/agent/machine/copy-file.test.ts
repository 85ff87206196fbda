import { expect } from "chai";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyFile } from "../../../../../guest/agent/machine/copy-file.js";
import { CopyFileRequest } from "../../../../../src/core/proto/gen/kata/agent.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";

describe("copyFile", () => {
  const sys = fakeSys();
  let directory: string;
  let base: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "copy-"));
    base = join(directory, "run/kata-containers");
    mkdirSync(base, { recursive: true });
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function copy(path: string, change: Partial<CopyFileRequest>): void {
    const roots = { run: join(directory, "run"), proc: "", sys: "", dev: "", cgroup: "" };
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const request = CopyFileRequest.fromPartial({ path: join(base, path), dirMode: 0o750, ...owner });
    copyFile(sys, roots, { ...request, ...change });
  }

  const piece = (text: string, offset: number, size: number): Partial<CopyFileRequest> => ({
    data: Buffer.from(text),
    offset: BigInt(offset),
    fileSize: BigInt(size),
    fileMode: 0o100640,
  });

  it("makes a file appear with its last piece", () => {
    copy("a/b/file", piece("hello ", 0, 11));
    expect(existsSync(join(base, "a/b/file"))).to.equal(false);
    copy("a/b/file", piece("world", 6, 11));
    expect(readFileSync(join(base, "a/b/file"), "utf8")).to.equal("hello world");
    expect(statSync(join(base, "a/b/file")).mode & 0o7777).to.equal(0o640);
    expect(statSync(join(base, "a/b")).mode & 0o7777).to.equal(0o750);
  });

  it("begins anew with the first piece", () => {
    copy("file", piece("a long beginning", 0, 100));
    copy("file", piece("short", 0, 5));
    expect(readFileSync(join(base, "file"), "utf8")).to.equal("short");
    copy("file", piece("", 0, 0));
    expect(readFileSync(join(base, "file"), "utf8")).to.equal("");
  });

  it("refuses pieces beyond the file's size", () => {
    expect(() => copy("file", piece("abc", 3, 5))).to.throw("offset");
    expect(() => copy("file", piece("abc", -1, 5))).to.throw("offset");
  });

  it("makes directories and symbolic links", () => {
    copy("dir", { fileMode: 0o040711 });
    expect(statSync(join(base, "dir")).mode & 0o7777).to.equal(0o711);
    copy("link", { fileMode: 0o120777, data: Buffer.from("../target") });
    copy("link", { fileMode: 0o120777, data: Buffer.from("/other") });
    expect(readlinkSync(join(base, "link"))).to.equal("/other");
    expect(() => copy("link", { fileMode: 0o120777, data: Buffer.alloc(0) })).to.throw("symbolic link");
    expect(() => copy("fifo", { fileMode: 0o010600 })).to.throw("file_mode");
  });

  it("writes nothing outside, by name or by link", () => {
    const outside = join(directory, "outside");
    mkdirSync(outside);
    symlinkSync(outside, join(base, "out"));
    symlinkSync(join(outside, "target"), join(base, "file"));
    expect(() => copy("out/file", piece("x", 0, 1))).to.throw("ELOOP");
    expect(() => copy("../file", piece("x", 0, 1))).to.throw("below");
    copy("file", piece("x", 0, 1));
    expect(lstatSync(join(base, "file")).isFile()).to.equal(true);
    symlinkSync(join(outside, "target"), join(base, ".next.part"));
    expect(() => copy("next", piece("x", 0, 1))).to.throw("ELOOP");
    expect(existsSync(join(outside, "target"))).to.equal(false);
    expect(existsSync(join(outside, "file"))).to.equal(false);
  });
});
