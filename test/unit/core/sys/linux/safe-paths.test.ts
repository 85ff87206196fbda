import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { OpenFlag } from "../../../../../src/core/sys/open-flags.js";
import { temporaryDirectory, thrown } from "../fixture.js";

describe("paths below a directory", () => {
  const { files } = createLinuxSys();
  const temporary = temporaryDirectory();
  let root: string;

  beforeEach(() => {
    root = join(temporary.path, "root");
    mkdirSync(join(root, "inside/deep"), { recursive: true });
    mkdirSync(join(temporary.path, "outside"));
    writeFileSync(join(temporary.path, "outside/secret"), "secret");
    writeFileSync(join(root, "inside/file"), "file");
    symlinkSync("../outside", join(root, "up"));
    symlinkSync(join(temporary.path, "outside"), join(root, "absolute"));
    symlinkSync("inside", join(root, "harmless"));
  });

  const open = (path: string): string => thrown(() => closeSync(files.openBeneath(root, path, OpenFlag.read)));

  it("open what is there", () => {
    expect(open("inside/file")).to.equal("nothing");
    expect(open("inside/../inside/file")).to.equal("nothing");
    expect(open("")).to.equal("nothing");
  });

  it("do not leave it", () => {
    expect(open("../outside/secret")).to.equal("EXDEV");
    expect(open("inside/../../outside/secret")).to.equal("EXDEV");
    expect(open(join(temporary.path, "outside/secret"))).to.equal("EXDEV");
  });

  it("follow no symbolic link, harmless or not", () => {
    for (const path of ["up/secret", "absolute/secret", "harmless/file", "up", "harmless"]) {
      expect(open(path), path).to.equal("ELOOP");
    }
  });

  it("follow no magic link", () => {
    const fd = openSync(join(temporary.path, "outside/secret"), "r");
    try {
      expect(thrown(() => files.openBeneath("/proc/self/fd", String(fd), OpenFlag.read))).to.equal("ELOOP");
    } finally {
      closeSync(fd);
    }
  });

  it("stay right while another swaps a directory for a link", () => {
    const opened = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const fd = files.openBeneath(root, "inside", OpenFlag.pathOnly | OpenFlag.directory);
      renameSync(join(root, "inside"), join(root, "moved"));
      symlinkSync("../outside", join(root, "inside"));
      try {
        opened.add(readFileSync(`${files.pathOfFd(fd)}/file`, "utf8"));
        opened.add(open("inside/secret"));
      } finally {
        closeSync(fd);
        unlinkSync(join(root, "inside"));
        renameSync(join(root, "moved"), join(root, "inside"));
      }
    }
    expect([...opened]).to.have.members(["file", "ELOOP"]);
  });

  it("can be resolved as if the directory were the root", () => {
    symlinkSync("/inside/file", join(root, "rooted"));
    const fd = files.openInRoot(root, "/../../rooted", OpenFlag.read);
    expect(readFileSync(fd, "utf8")).to.equal("file");
    closeSync(fd);
    expect(thrown(() => files.openInRoot(root, "/absolute/secret", OpenFlag.read))).to.equal("ENOENT");
  });

  it("refuse a zero byte, which would cut the path", () => {
    expect(open("inside/file\0../../outside")).to.equal("KATA_SYS_PATH");
  });

  it("make every missing level", () => {
    const fd = files.mkdirBeneath(root, "a/./b//c", 0o700);
    expect(fstatSync(fd).ino).to.equal(fstatSync(openAndKeep(join(root, "a/b/c"))).ino);
    closeSync(fd);
    closeSync(files.mkdirBeneath(root, "a/b/c"));
    for (const fd of kept.splice(0)) closeSync(fd);
  });

  it("make nothing through a link or outside", () => {
    expect(thrown(() => files.mkdirBeneath(root, "up/new"))).to.equal("ELOOP");
    expect(thrown(() => files.mkdirBeneath(root, "harmless/new"))).to.equal("ELOOP");
    expect(thrown(() => files.mkdirBeneath(root, "../new"))).to.equal("KATA_SYS_PATH");
    expect(thrown(() => files.mkdirBeneath(root, "/new"))).to.equal("KATA_SYS_PATH");
    expect(thrown(() => files.mkdirBeneath(root, "inside/file/new"))).to.equal("ENOTDIR");
    expect(existsSync(join(temporary.path, "outside/new")) || existsSync(join(temporary.path, "new"))).to.equal(false);
  });

  it("make a file once, and never through a link", () => {
    closeSync(files.touchBeneath(root, "n/e/w"));
    writeFileSync(join(root, "n/e/w"), "kept");
    closeSync(files.touchBeneath(root, "n/e/w"));
    expect(readFileSync(join(root, "n/e/w"), "utf8")).to.equal("kept");
    symlinkSync(join(temporary.path, "outside/new"), join(root, "n/link"));
    expect(thrown(() => files.touchBeneath(root, "n/link"))).to.equal("ELOOP");
    expect(existsSync(join(temporary.path, "outside/new"))).to.equal(false);
  });

  it("refuse the descriptor of a link, which /proc would follow", () => {
    const fd = openSync(join(root, "up"), OpenFlag.pathOnly | OpenFlag.noFollow);
    expect(thrown(() => files.pathOfFd(fd))).to.equal("KATA_SYS_SYMLINK");
    closeSync(fd);
  });

  const kept: number[] = [];
  function openAndKeep(path: string): number {
    const fd = openSync(path, "r");
    kept.push(fd);
    return fd;
  }
});
