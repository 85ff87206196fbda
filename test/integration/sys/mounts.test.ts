import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { MountEntry } from "../../../src/core/sys/mountinfo.js";
import { MountFlag } from "../../../src/core/sys/mount-flags.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import { rejected, thrown } from "../../unit/core/sys/fixture.js";
import { needsRoot } from "./fixture.js";

describe("mounts", () => {
  const { mounts, files, descriptors } = createLinuxSys();
  let root: string;
  const at = (path: string): string => join(root, path);
  const topmost = (path: string): MountEntry =>
    mounts.below(at(path)).findLast((m) => m.mountPoint === at(path)) ?? expect.fail(`nothing is mounted at ${path}`);

  before(function () {
    needsRoot(this);
  });

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "kata-ts-mounts-"));
    // a mount of its own that is private: nothing a test does to propagation gets out
    await mounts.mount({ source: "test", target: root, type: "tmpfs" });
    await mounts.setPropagation(root, "private");
    for (const name of ["source/sub", "target", "other"]) mkdirSync(at(name), { recursive: true });
    writeFileSync(at("source/file"), "content");
  });

  afterEach(async () => {
    if (root === undefined) return;
    await mounts.unmountTree(root, { detach: true });
    expect(mounts.below(root)).to.deep.equal([]);
    rmSync(root, { recursive: true });
  });

  it("bind a directory and a file", async () => {
    await mounts.bind(at("source"), at("target"));
    writeFileSync(at("other/file"), "");
    await mounts.bind(at("source/file"), at("other/file"));
    expect(readFileSync(at("target/file"), "utf8")).to.equal("content");
    expect(readFileSync(at("other/file"), "utf8")).to.equal("content");
    expect(mounts.isMountPoint(at("target"))).to.equal(true);
    expect(mounts.isMountPoint(at("source"))).to.equal(false);
  });

  it("bind with restrictions on everything below", async () => {
    await mounts.mount({ source: "below", target: at("source/sub"), type: "tmpfs" });
    await mounts.bind(at("source"), at("target"), {
      recursive: true,
      readOnly: true,
      noSuid: true,
      noDev: true,
      noExec: true,
      propagation: "slave",
    });
    for (const path of ["target", "target/sub"]) {
      expect(topmost(path).options).to.include.members(["ro", "nosuid", "nodev", "noexec"]);
      expect(thrown(() => writeFileSync(at(`${path}/new`), ""))).to.equal("EROFS");
    }
    writeFileSync(at("source/sub/new"), "");
    expect(existsSync(at("target/sub/new"))).to.equal(true);
    await mounts.unmount(at("target/sub"));
    await mounts.bind(at("source"), at("other"));
    expect(existsSync(at("other/sub/new"))).to.equal(false);
  });

  it("bind by descriptors, which no swapped name leads astray", async () => {
    const source = files.openBeneath(root, "source", OpenFlag.pathOnly);
    const target = files.mkdirBeneath(root, "made/here");
    rmSync(at("source"), { recursive: true });
    mkdirSync(at("source"));
    mkdirSync(at("elsewhere"));
    rmSync(at("made/here"), { recursive: true });
    symlinkSync("../elsewhere", at("made/here"));
    const refusal = await rejected(() => mounts.bind(source, target));
    expect(refusal).to.equal("ENOENT");
    descriptors.close(source);
    descriptors.close(target);
    const good = files.mkdirBeneath(root, "made/there");
    await mounts.bind(at("other"), good);
    expect(mounts.isMountPoint(at("made/there"))).to.equal(true);
    expect(mounts.isMountPoint(at("elsewhere"))).to.equal(false);
    descriptors.close(good);
  });

  it("refuse the descriptor of a link", async () => {
    symlinkSync("other", at("link"));
    const fd = files.openat2(root, "link", { flags: OpenFlag.pathOnly | OpenFlag.noFollow });
    expect(await rejected(() => mounts.bind(at("source"), fd))).to.equal("KATA_SYS_SYMLINK");
    expect(await rejected(() => mounts.bind(fd, at("target")))).to.equal("KATA_SYS_SYMLINK");
    descriptors.close(fd);
  });

  it("restrict without loosening what is there", async () => {
    await mounts.bind(at("source"), at("target"), { noExec: true });
    await mounts.restrict(at("target"), { readOnly: true });
    await mounts.mountOci({ options: ["remount", "bind", "nosuid"] }, at("target"));
    expect(topmost("target").options).to.include.members(["ro", "noexec", "nosuid"]);
  });

  it("propagate as they are told", async () => {
    await mounts.bind(at("source"), at("source"));
    await mounts.setPropagation(at("source"), "shared");
    await mounts.bind(at("source"), at("target"));
    await mounts.bind(at("source"), at("other"), { propagation: "slave" });
    expect(topmost("source").sharedGroup).to.equal(topmost("target").sharedGroup);
    expect(topmost("other").masterGroup).to.equal(topmost("source").sharedGroup);
    await mounts.mount({ source: "event", target: at("source/sub"), type: "tmpfs" });
    expect(mounts.isMountPoint(at("target/sub")) && mounts.isMountPoint(at("other/sub"))).to.equal(true);
    await mounts.unmount(at("other/sub"));
    expect(mounts.isMountPoint(at("source/sub"))).to.equal(true);
    await mounts.setPropagation(at("source"), "private", { recursive: true });
    expect(topmost("source/sub").sharedGroup).to.equal(undefined);
  });

  it("mount as an OCI spec says", async () => {
    await mounts.mountOci(
      { type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k", "rslave"] },
      at("target"),
    );
    expect(topmost("target")).to.deep.include({ type: "tmpfs", source: "shm" });
    expect(topmost("target").superOptions).to.include("size=65536k");
    expect(topmost("target").options).to.include.members(["nosuid", "nodev", "noexec"]);
    expect(lstatSync(at("target")).mode & 0o7777).to.equal(0o1777);
  });

  it("restrict only the top of an OCI rbind, and all of it for rro", async () => {
    await mounts.mount({ source: "below", target: at("source/sub"), type: "tmpfs" });
    await mounts.mountOci({ source: at("source"), options: ["rbind", "rprivate", "ro"] }, at("target"));
    expect(topmost("target").options).to.include("ro");
    expect(topmost("target/sub").options).to.include("rw");
    await mounts.mountOci({ type: "bind", source: at("source"), options: ["rbind", "rro"] }, at("other"));
    expect(topmost("other/sub").options).to.include("ro");
    expect(await rejected(() => mounts.mountOci({ type: "bind" }, at("target")))).to.equal("KATA_SYS_MOUNT_OPTION");
  });

  it("mount an overlay, also of more layers than a page of options holds", async () => {
    const snapshots = at("a-directory-with-a-long-name-as-the-snapshots-of-containerd-have");
    const layers = Array.from({ length: 60 }, (_, i) => join(snapshots, String(i), "fs"));
    for (const [i, layer] of layers.entries()) {
      mkdirSync(layer, { recursive: true });
      writeFileSync(join(layer, `from-${i}`), "");
    }
    mkdirSync(join(snapshots, "top/fs"), { recursive: true });
    mkdirSync(join(snapshots, "top/work"));
    const upper = [`upperdir=${snapshots}/top/fs`, `workdir=${snapshots}/top/work`];
    const options = [...upper, `lowerdir=${layers.join(":")}`];
    expect(options.join(",").length).to.be.greaterThan(4096);
    const directory = process.cwd();
    await mounts.mountOci({ type: "overlay", source: "overlay", options }, at("target"));
    expect(process.cwd()).to.equal(directory);
    expect(existsSync(at("target/from-0")) && existsSync(at("target/from-59"))).to.equal(true);
    writeFileSync(at("target/new"), "");
    expect(existsSync(join(snapshots, "top/fs/new"))).to.equal(true);
    expect(
      await rejected(() =>
        mounts.mount({ source: "o", target: at("other"), type: "overlay", data: options.join(",") }),
      ),
    ).to.equal("KATA_SYS_MOUNT_DATA_LENGTH");
  });

  it("say no more than the kernel took", async () => {
    const request = { source: "x", target: at("target"), type: "no-such-type", flags: MountFlag.noDev };
    expect(await rejected(() => mounts.mount(request))).to.equal("ENODEV");
    expect(await rejected(() => mounts.bind(at("none"), at("target")))).to.equal("ENOENT");
    expect(mounts.below(at("target"))).to.deep.equal([]);
  });

  it("unmount once each, and say when there was nothing", async () => {
    expect(await mounts.unmount(at("target"))).to.equal(false);
    expect(await mounts.unmount(at("none"))).to.equal(false);
    await mounts.bind(at("source"), at("target"));
    const busy = files.openBeneath(root, "target/file", OpenFlag.read);
    expect(await rejected(() => mounts.unmount(at("target")))).to.equal("EBUSY");
    expect(await mounts.unmount(at("target"), { detach: true })).to.equal(true);
    closeSync(busy);
    expect(await mounts.unmount(at("target"))).to.equal(false);
  });

  it("unmount nothing by way of a link", async () => {
    await mounts.bind(at("source"), at("target"));
    symlinkSync("target", at("link"));
    mkdirSync(at("above"));
    symlinkSync("..", at("above/up"));
    expect(await mounts.unmount(at("link"))).to.equal(false);
    expect(await mounts.unmountBeneath(root, "link")).to.equal(false);
    expect(await rejected(() => mounts.unmountBeneath(root, "above/up/target"))).to.equal("ELOOP");
    expect(await rejected(() => mounts.unmountBeneath(at("above"), ".."))).to.equal("KATA_SYS_PATH");
    expect(mounts.isMountPoint(at("target"))).to.equal(true);
    expect(await mounts.unmountBeneath(root, "target")).to.equal(true);
    expect(await mounts.unmountBeneath(root, "none/at/all")).to.equal(false);
  });

  it("unmount a tree, stacked mounts and odd names included, and no neighbour", async () => {
    const odd = at("target/with blank\tand\nnewline\\");
    await mounts.bind(at("source"), at("target"));
    mkdirSync(odd);
    await mounts.mount({ source: "one", target: odd, type: "tmpfs" });
    await mounts.mount({ source: "two", target: odd, type: "tmpfs" });
    mkdirSync(at("target-neighbour"));
    await mounts.bind(at("source"), at("target-neighbour"));
    expect(await mounts.unmountTree(at("target"))).to.deep.equal([odd, odd, at("target")]);
    expect(mounts.isMountPoint(at("target-neighbour"))).to.equal(true);
  });

  /** Has what `swap` does be done between the kernel's list of mounts being read and being used, `times` times. */
  function afterListing(times: number, swap: () => void): () => void {
    const list = mounts.list.bind(mounts);
    let left = times;
    mounts.list = () => {
      const listed = list();
      if (left-- > 0) swap();
      return listed;
    };
    return () => {
      mounts.list = list;
    };
  }

  it("unmount a tree, and nothing else that a directory in it is swapped for a link to meanwhile", async () => {
    mkdirSync(at("target/dir/sub"), { recursive: true });
    await mounts.bind(at("source"), at("target/dir/sub"));
    // what the host has elsewhere, by the same name
    mkdirSync(at("victim/sub"), { recursive: true });
    await mounts.mount({ source: "victim", target: at("victim/sub"), type: "tmpfs" });
    const restore = afterListing(1, () => {
      renameSync(at("target/dir"), at("target/moved"));
      symlinkSync(at("victim"), at("target/dir"));
    });
    try {
      expect(await mounts.unmountTree(at("target"), { detach: true })).to.deep.equal([at("target/moved/sub")]);
    } finally {
      restore();
    }
    expect(mounts.isMountPoint(at("victim/sub"))).to.equal(true);
    expect(mounts.below(at("target"))).to.deep.equal([]);
  });

  it("say that mounts stayed whose directories are moved again and again", async () => {
    mkdirSync(at("target/0/sub"), { recursive: true });
    await mounts.bind(at("source"), at("target/0/sub"));
    let place = 0;
    const restore = afterListing(1000, () => renameSync(at(`target/${place}`), at(`target/${++place}`)));
    try {
      const failure = await mounts.unmountTree(at("target")).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(AggregateError);
      expect(String(failure)).to.contain(`1 mount(s) below ${at("target")} stayed`);
    } finally {
      restore();
    }
    expect(await mounts.unmountTree(at("target"))).to.deep.equal([at(`target/${place}/sub`)]);
  });

  it("unmount a busy tree later when asked to, and say what is busy when not", async () => {
    await mounts.bind(at("source"), at("target"));
    await mounts.mount({ source: "below", target: at("target/sub"), type: "tmpfs" });
    const busy = files.openBeneath(root, "target/file", OpenFlag.read);
    try {
      const failure = await mounts.unmountTree(at("target")).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(AggregateError);
      const { errors, message } = failure as AggregateError;
      expect(message).to.equal(`1 mount(s) below ${at("target")} stayed`);
      expect(errors.map(String).join()).to.contain("EBUSY");
      expect(mounts.isMountPoint(at("target/sub"))).to.equal(false);
      expect(await mounts.unmountTree(at("target"), { detach: true })).to.deep.equal([at("target")]);
      expect(mounts.below(at("target"))).to.deep.equal([]);
      rmSync(at("target"), { recursive: true });
      expect(readFileSync(at("source/file"), "utf8")).to.equal("content");
    } finally {
      closeSync(busy);
    }
  });

  it("move", async () => {
    await mounts.bind(at("source"), at("target"));
    await mounts.move(at("target"), at("other"));
    expect(mounts.isMountPoint(at("target"))).to.equal(false);
    expect(readFileSync(at("other/file"), "utf8")).to.equal("content");
  });

  it("stop the removal of a tree, which leaves what they show", async () => {
    mkdirSync(at("tree/a/b"), { recursive: true });
    await mounts.bind(at("source"), at("tree/a/b"));
    expect(await rejected(() => files.removeTreeBeneath(root, "tree"))).to.equal("KATA_SYS_CROSSES_MOUNT");
    writeFileSync(at("tree/a/file"), "");
    await mounts.bind(at("source/file"), at("tree/a/file"));
    await mounts.unmount(at("tree/a/b"));
    expect(await rejected(() => files.removeTreeBeneath(root, "tree"))).to.equal("KATA_SYS_CROSSES_MOUNT");
    expect(readFileSync(at("source/file"), "utf8")).to.equal("content");
    await mounts.unmountTree(at("tree"));
    await files.removeTreeBeneath(root, "tree");
    expect(existsSync(at("tree"))).to.equal(false);
  });

  it("are no way for the removal of a tree either", async () => {
    await mounts.bind(at("source"), at("target"));
    expect(await rejected(() => files.removeTreeBeneath(root, "target/sub"))).to.equal("EXDEV");
    expect(existsSync(at("source/sub"))).to.equal(true);
  });
});
