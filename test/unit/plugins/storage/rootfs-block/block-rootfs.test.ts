import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { ContainerdMount, RootfsRequest } from "../../../../../src/core/contracts/rootfs.js";
import { messageOf } from "../../../../../src/core/errors/error.js";
import { BlockRootfs } from "../../../../../src/plugins/storage/rootfs-block/block-rootfs.js";
import { matchBlock } from "../../../../../src/plugins/storage/rootfs-block/match.js";
import { matchShared } from "../../../../../src/plugins/storage/rootfs-shared/match.js";
import { FakeDisks } from "../../../../../src/testing/fake-disks.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";

const mount = (type: string, options: string[] = [], more: Partial<ContainerdMount> = {}): ContainerdMount => ({
  type,
  source: "/dev/mapper/snap",
  target: "",
  options,
  ...more,
});

describe("which root file systems are disks", () => {
  const disks = new FakeDisks();
  const score = (mounts: ContainerdMount[]): number => matchBlock({ disks, mounts });

  it("are those that the snapshotter names so, one alone", () => {
    for (const type of ["ext2", "ext3", "ext4", "xfs"]) {
      expect(score([mount(type)]), type).to.be.above(matchShared({ mounts: [mount(type)] }));
    }
    for (const mounts of [[], [mount("ext4"), mount("ext4")], [mount("ext4", [], { target: "below" })]]) {
      expect(score(mounts)).to.equal(0);
    }
  });

  it("are never bind mounts, whatever is mounted, nor what other kinds have", () => {
    for (const type of ["", "bind", "overlay", "btrfs", "erofs", "fuse.nydus-overlayfs", "tmpfs"]) {
      expect(score([mount(type, ["rbind", "rw"])]), type).to.equal(0);
    }
  });

  it("are none where containers shall have no disks", () => {
    expect(matchBlock({ disks: undefined, mounts: [mount("ext4")] })).to.equal(0);
  });
});

describe("BlockRootfs", () => {
  const directory = temporaryDirectory();
  let disks: FakeDisks;
  let image: string;

  beforeEach(() => {
    disks = new FakeDisks();
    image = join(directory.path, "image");
    writeFileSync(image, "a file system");
  });

  const make = (one: ContainerdMount, more: Partial<RootfsRequest> = {}): BlockRootfs =>
    new BlockRootfs({
      containerId: "c1",
      bundle: directory.path,
      rootPath: "/some/root",
      readOnly: false,
      mounts: [one],
      shareFs: undefined,
      disks,
      ...more,
    });

  it("gives the guest the disk to mount", async () => {
    const rootfs = make(mount("ext4", ["loop", "discard"], { source: image }));
    const mountPoint = "/run/kata-containers/c1/rootfs";
    expect(await rootfs.prepare()).to.deep.equal({
      guestPath: mountPoint,
      storages: [{ driver: "blk", source: "02", fstype: "ext4", options: ["discard", "rw"], mountPoint }],
    });
    expect(disks.added).to.deep.equal([{ purpose: 'the root file system of "c1"', path: image, readOnly: false }]);
    await rootfs.cleanup();
    expect(disks.released).to.equal(0);
    await rootfs.detach();
    expect(disks.released).to.equal(1);
  });

  it("has the device read-only too when the disk is", async () => {
    const { storages = [] } = await make(mount("xfs", ["rw", "ro"], { source: image })).prepare();
    expect(storages.map(({ options }) => options)).to.deep.equal([["ro", "nouuid"]]);
    expect(disks.added.map(({ readOnly }) => readOnly)).to.deep.equal([true]);
  });

  it("leaves the disk of a read-only root to be written to: mount points are made in it", async () => {
    await make(mount("ext4", [], { source: image }), { readOnly: true }).prepare();
    expect(disks.added.map(({ readOnly }) => readOnly)).to.deep.equal([false]);
  });

  it("goes behind links, as /dev/mapper has them", async () => {
    const link = join(directory.path, "link");
    symlinkSync(image, link);
    await make(mount("ext4", [], { source: link })).prepare();
    expect(disks.added.map(({ path }) => path)).to.deep.equal([image]);
  });

  it("says what is no disk, and where it was named", async () => {
    mkdirSync(join(directory.path, "directory"));
    writeFileSync(join(directory.path, "empty"), "");
    for (const name of ["directory", "empty", "missing"]) {
      const source = join(directory.path, name);
      const rootfs = make(mount("ext4", [], { source }));
      expect(await rejected(() => rootfs.prepare()), name).to.equal("KATA_ROOTFS_DISK");
      const error = await rootfs.prepare().catch((error_: unknown) => error_);
      expect(messageOf(error)).to.include(`the root file system of "c1" is ext4 on ${source}: `);
    }
    expect(disks.added).to.deep.equal([]);
    await make(mount("ext4")).detach();
  });
});
