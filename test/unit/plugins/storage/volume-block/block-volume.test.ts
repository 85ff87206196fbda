import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { OciMount } from "../../../../../src/core/oci/spec.js";
import { BlockVolume } from "../../../../../src/plugins/storage/volume-block/block-volume.js";
import { matchBlockVolume } from "../../../../../src/plugins/storage/volume-block/match.js";
import { matchSharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/match.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { FakeDisks } from "../../../../../src/testing/fake-disks.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { needsRoot } from "../../../../support/needs-root.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

const mountOf = (type: string, options: string[], source = "/dev/sdx"): OciMount => ({
  destination: "/data",
  type,
  source,
  options,
});

describe("which volumes are disks", () => {
  const directory = temporaryDirectory();

  it("are file systems that disks have", () => {
    for (const type of ["ext4", "xfs"]) expect(matchBlockVolume({ mount: mountOf(type, ["ro"]) }), type).to.be.above(0);
    for (const type of ["", "tmpfs", "proc", "overlay", "nfs", "virtiofs"]) {
      expect(matchBlockVolume({ mount: mountOf(type, ["ro"]) }), type).to.equal(0);
    }
  });

  it("are never binds of directories or files, whatever their type says and is in them", () => {
    const [file, below] = [join(directory.path, "disk.img"), join(directory.path, "below")];
    writeFileSync(file, Buffer.alloc(4096));
    mkdirSync(below);
    for (const source of [file, below, "/dev", "/dev/null", join(directory.path, "missing"), "relative"]) {
      for (const type of ["bind", "", "ext4"]) {
        expect(matchBlockVolume({ mount: mountOf(type, ["rbind", "rw"], source) }), source).to.equal(0);
      }
    }
  });

  it("are binds of block devices, before those are shared", function () {
    needsRoot(this);
    const source = join(directory.path, "node");
    createLinuxSys().files.mknod(source, "block", 0o600, { major: 254, minor: 0 });
    const mount = mountOf("bind", ["rbind"], source);
    expect(matchBlockVolume({ mount })).to.be.above(matchSharedBind({ mount, shareFs: new FakeShareFs() }));
  });
});

describe("BlockVolume", () => {
  let disks: FakeDisks;
  beforeEach(() => (disks = new FakeDisks()));

  const make = (mount: OciMount, parts: { disks: FakeDisks | undefined } = { disks }): BlockVolume =>
    new BlockVolume(
      {
        containerId: "c",
        sandboxId: "s",
        mount,
        index: 7,
        shareFs: undefined,
        ...parts,
        ...restOfRequest,
      },
      (path) => (path === "/dev/sdx" ? { path: "/dev/sdb", major: 8, minor: 16 } : undefined),
    );
  const mountPoint = "/run/kata-containers/sandbox/storage/c-7";

  it("is a file system that the guest mounts, with what is said of it", async () => {
    const volume = make(mountOf("xfs", ["rprivate", "noatime", "nosuid"]));
    expect(await volume.prepare()).to.deep.equal({
      storages: [
        { driver: "blk", source: "02", fstype: "xfs", options: ["noatime", "nosuid", "nouuid", "rw"], mountPoint },
      ],
      mounts: [{ destination: "/data", type: "bind", source: mountPoint, options: ["rbind", "rw"] }],
    });
    expect(disks.added).to.deep.equal([{ purpose: 'the mount at /data of "c"', path: "/dev/sdb", readOnly: false }]);
    await volume.cleanup();
    expect(disks.released).to.equal(0);
    await volume.detach();
    expect(disks.released).to.equal(1);
  });

  it("is the device's node when that is bound", async () => {
    expect(await make(mountOf("bind", ["rbind", "rprivate", "rw"])).prepare()).to.deep.equal({
      storages: [{ driver: "blk", source: "02", fstype: "bind", options: ["rw"], mountPoint }],
      mounts: [{ destination: "/data", type: "bind", source: mountPoint, options: ["rbind", "rprivate", "rw"] }],
    });
  });

  it("is read-only for the machine too", async () => {
    const { storages } = await make(mountOf("ext4", ["rw", "ro"])).prepare();
    expect(storages?.[0]?.options).to.deep.equal(["ro"]);
    await make(mountOf("bind", ["rbind", "ro"])).prepare();
    expect(disks.added.map(({ readOnly }) => readOnly)).to.deep.equal([true, true]);
  });

  it("says what is no disk, and where there are none", async () => {
    const missing = make(mountOf("ext4", [], "/dev/missing"));
    expect(await rejected(() => missing.prepare())).to.equal("KATA_VOLUME_DISK");
    await missing.detach();
    expect(await rejected(() => make(mountOf("ext4", []), { disks: undefined }).prepare())).to.equal(
      "KATA_VOLUME_NO_DISKS",
    );
    expect(disks).to.deep.include({ added: [], released: 0 });
  });
});
