import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { ContainerdMount, RootfsRequest } from "../../../../../src/core/contracts/rootfs.js";
import { SandboxRecord } from "../../../../../src/core/sandbox/record.js";
import { matchShared } from "../../../../../src/plugins/storage/rootfs-shared/match.js";
import { SharedRootfs } from "../../../../../src/plugins/storage/rootfs-shared/shared-rootfs.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";

const mount = (type: string, options: string[] = [], source = "source"): ContainerdMount => ({
  type,
  source,
  target: "",
  options,
});
const never = new AbortController().signal;

describe("which root file systems are shared", () => {
  const score = (mounts: ContainerdMount[]): number => matchShared({ mounts });

  it("are directories: overlay, bind, or nothing to mount", () => {
    expect(score([])).to.be.above(0);
    expect(score([mount("overlay", ["lowerdir=/a"])])).to.be.above(0);
    expect(score([mount("bind", ["rbind", "ro"])])).to.be.above(0);
    expect(score([mount("", ["rbind"])])).to.be.above(0);
    expect(score([mount("bind"), mount("overlay")])).to.be.above(0);
  });

  it("are disks where no other kind has them: the host mounts those then", () => {
    for (const type of ["ext2", "ext3", "ext4", "xfs"]) {
      expect(score([mount(type)]), type).to.be.within(1, score([mount("overlay")]) - 1);
    }
  });

  it("are not images, or what other kinds mark as theirs", () => {
    for (const type of ["erofs", "fuse.nydus-overlayfs", "fuse3.fuse-overlayfs", "squashfs", "", "nfs"])
      expect(score([mount(type)]), type).to.equal(0);
    expect(score([mount("overlay", ["io.katacontainers.volume=e30="])])).to.equal(0);
    expect(score([mount("overlay", ["extraoption=x"])])).to.equal(0);
    expect(score([mount("overlay"), mount("erofs")])).to.equal(0);
  });
});

describe("SharedRootfs", () => {
  let directory: string;
  let shareFs: FakeShareFs;
  let sys: ReturnType<typeof fakeSys>;
  let record: SandboxRecord;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), "kata-rootfs-")));
    mkdirSync(join(directory, "bundle"));
    shareFs = new FakeShareFs();
    sys = fakeSys();
    record = SandboxRecord.create(directory, { namespace: "n", id: "s" });
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const make = (more: Partial<RootfsRequest>): SharedRootfs =>
    new SharedRootfs(
      { sys, record },
      {
        containerId: "c1",
        bundle: join(directory, "bundle"),
        rootPath: "/some/root",
        readOnly: false,
        mounts: [],
        shareFs,
        disks: undefined,
        ...more,
      },
    );

  it("shares the spec's directory when there is nothing to mount", async () => {
    const rootfs = make({ readOnly: true });
    expect(await rootfs.prepare(never)).to.deep.equal({ guestPath: "/share/c1/rootfs" });
    expect(shareFs.held.get("c1/rootfs")).to.deep.equal({ name: "c1/rootfs", source: "/some/root", readOnly: false });
    await rootfs.cleanup();
    await rootfs.cleanup();
    expect(shareFs.held.size).to.equal(0);
    expect(sys.callsTo("mounts", "unmountTree")).to.deep.equal([]);
  });

  it("mounts in order at the bundle's rootfs, notes it first, shares that, and undoes all", async () => {
    const mounts = [mount("bind", ["rbind"], "/one"), mount("overlay", ["lowerdir=/two"], "overlay")];
    const rootfs = make({ mounts });
    const target = join(directory, "bundle/rootfs");
    sys.answer("mounts", "mountOci", () => {
      expect(record.content.paths).to.deep.equal([{ kind: "mount", path: target }]);
      return Promise.resolve();
    });
    await rootfs.prepare(never);
    expect(sys.callsTo("mounts", "mountOci").map(([one]) => one)).to.deep.equal(mounts);
    expect(shareFs.held.get("c1/rootfs")).to.have.property("source", target);
    await rootfs.cleanup();
    expect(shareFs.held.size).to.equal(0);
    expect(sys.callsTo("mounts", "unmountTree")).to.deep.equal([[target, { detach: true }]]);
    expect(record.content.paths).to.deep.equal([]);
  });

  it("says which mount failed and why, and undoes those before it", async () => {
    sys.fail("mounts", "mountOci", "ENODEV");
    const rootfs = make({ mounts: [mount("overlay", ["lowerdir=/x"], "overlay")] });
    const error = await rootfs.prepare(never).catch((cause: unknown) => cause);
    expect(error).to.have.property("code", "KATA_ROOTFS_MOUNT");
    expect(error)
      .to.have.property("message")
      .that.matches(/"c1".*mount 0 \(overlay overlay\).*ENODEV/);
    expect(shareFs.held.size).to.equal(0);
    await rootfs.cleanup();
    expect(record.content.paths).to.deep.equal([]);
  });

  it("undoes the mounts when sharing fails", async () => {
    shareFs.share = () => Promise.reject(new Error("no room"));
    const rootfs = make({ mounts: [mount("overlay", [], "overlay")] });
    expect(await rootfs.prepare(never).catch((cause: unknown) => cause)).to.have.property("message", "no room");
    await rootfs.cleanup();
    expect(sys.callsTo("mounts", "unmountTree")).to.have.length(1);
  });
});
