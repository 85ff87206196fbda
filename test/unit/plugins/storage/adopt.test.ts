import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Resource } from "../../../../src/core/contracts/resource.js";
import type { RootfsRequest } from "../../../../src/core/contracts/rootfs.js";
import type { VolumeRequest } from "../../../../src/core/contracts/volume.js";
import { codeOf, describeError } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import { SandboxRecord } from "../../../../src/core/sandbox/record.js";
import { SharedFiles } from "../../../../src/core/share-fs/shared-files.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { BlockRootfs } from "../../../../src/plugins/storage/rootfs-block/block-rootfs.js";
import { ErofsRootfs } from "../../../../src/plugins/storage/rootfs-erofs/erofs-rootfs.js";
import { NydusRootfs } from "../../../../src/plugins/storage/rootfs-nydus/nydus-rootfs.js";
import { SharedRootfs } from "../../../../src/plugins/storage/rootfs-shared/shared-rootfs.js";
import { BlockVolume } from "../../../../src/plugins/storage/volume-block/block-volume.js";
import { DirectVolume } from "../../../../src/plugins/storage/volume-direct/direct-volume.js";
import { addMountInfo } from "../../../../src/plugins/storage/volume-direct/write-mount-info.js";
import { SharedBind } from "../../../../src/plugins/storage/volume-shared-bind/shared-bind.js";
import { FakeDisks } from "../../../../src/testing/fake-disks.js";
import { FakeShareFs } from "../../../../src/testing/fake-share-fs.js";
import { type FakeSys, fakeSys } from "../../../../src/testing/fake-sys.js";
import { restOfRequest } from "../../../support/rest-of-request.js";
import { temporaryDirectory } from "../../core/sys/fixture.js";

/** States that no instance has written: cut off, of other types, of a newer one. */
const broken: readonly unknown[] = [
  undefined,
  null,
  0,
  "",
  "mounted",
  [],
  {},
  { version: 2 },
  { mounted: "yes" },
  [["a"]],
];

describe("what another process has prepared of a container", () => {
  const directory = temporaryDirectory();
  const real = createLinuxSys();
  const signal = new AbortController().signal;
  let sys: FakeSys;
  let shareFs: FakeShareFs;
  let disks: FakeDisks;
  let record: SandboxRecord;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    sys = fakeSys({ parts: { processes: real.processes } });
    [shareFs, disks] = [new FakeShareFs(), new FakeDisks()];
    for (const name of ["bundle", "run", "source"]) mkdirSync(join(directory.path, name));
    writeFileSync(join(directory.path, "disk"), "a file system");
    record = SandboxRecord.create(join(directory.path, "run"), { namespace: "test", id: "s1" });
  });
  afterEach(() => {
    child?.kill("SIGKILL");
    child = undefined;
  });

  const path = (...names: string[]): string => join(directory.path, ...names);

  const rootfs = (mounts: RootfsRequest["mounts"], more: Partial<RootfsRequest> = {}): RootfsRequest => ({
    containerId: "c1",
    bundle: path("bundle"),
    rootPath: path("source"),
    readOnly: false,
    mounts,
    shareFs,
    disks,
    ...more,
  });
  const volume = (mount: VolumeRequest["mount"]): VolumeRequest => ({
    ...restOfRequest,
    containerId: "c1",
    sandboxId: "s1",
    mount,
    index: 2,
    shareFs,
    disks,
  });
  const ext4 = () => [{ type: "ext4", source: path("disk"), target: "", options: [] }];
  const overlay = [{ type: "overlay", source: "overlay", target: "", options: ["lowerdir=/a:/b"] }];

  const sharedRootfs = (mounts: RootfsRequest["mounts"] = overlay) => new SharedRootfs({ sys, record }, rootfs(mounts));
  const adopted = async (resource: Resource<unknown>, state: unknown): Promise<string> => {
    const error = await Promise.resolve(resource.adopt?.(state)).catch((error_: unknown) => error_);
    return error === undefined ? "adopted" : `${codeOf(error)} ${describeError(error)}`;
  };
  /** Expects that nothing broken is taken for a state. */
  async function refusesAll(make: () => Resource<unknown>, states: readonly unknown[], what: string): Promise<void> {
    for (const state of states) {
      const said = await adopted(make(), state);
      expect(said, JSON.stringify(state))
        .to.match(/^KATA_RECOVER_PART /)
        .and.include(what);
    }
  }

  describe("is a shared root file system, which", () => {
    it("is taken over with its mounts and its share", async () => {
      const before = sharedRootfs();
      await before.prepare(signal);
      const after = sharedRootfs();
      expect(await adopted(after, before.state())).to.equal("adopted");
      await after.cleanup();
      expect(shareFs.held.size).to.equal(0);
      expect(sys.mountTable).to.deep.equal([]);
      expect(record.content.paths).to.deep.equal([]);
    });

    it("is refused by a state that is none", async () => {
      await sharedRootfs().prepare(signal);
      await refusesAll(sharedRootfs, broken, "the rootfs of c1");
    });

    it("is refused when its share, its mounts or its bundle have vanished", async () => {
      const before = sharedRootfs();
      await before.prepare(signal);
      const state = before.state();
      const [mount] = sys.mountTable.splice(0);
      expect(await adopted(sharedRootfs(), state)).to.include(
        `nothing is mounted at ${path("bundle", "rootfs")} any more`,
      );
      if (mount !== undefined) sys.mountTable.push(mount);
      renameSync(path("bundle"), path("elsewhere"));
      expect(await adopted(sharedRootfs(), state)).to.include(`its bundle ${path("bundle")} is gone`);
      renameSync(path("elsewhere"), path("bundle"));
      shareFs.held.clear();
      expect(await adopted(sharedRootfs(), state)).to.include("nothing is shared as c1/rootfs");
    });
  });

  describe("is a root file system of nydus, which", () => {
    const options = ["lowerdir=/s/1/fs", "upperdir=/s/2/fs", "workdir=/s/2/work"];
    const nydus = () => {
      const shared = { create: (request: RootfsRequest) => new SharedRootfs({ sys, record }, request) };
      const sandbox = { record, runDirectory: path("run") };
      const request = rootfs([{ type: "fuse.nydus-overlayfs", source: "overlay", target: "", options }]);
      return new NydusRootfs({ sys, log: silentLogger, shared, sandbox }, request);
    };

    /** What a nydusd of another process has made, and its state. */
    async function served() {
      child = spawn("/bin/sleep", ["1000"], { stdio: "ignore" });
      const note = record.process("nydusd");
      note.started(child.pid ?? 0);
      await sharedRootfs().prepare(signal);
      mkdirSync(path("run", "ny-abc123", "image"), { recursive: true });
      const mountPoint = path("run", "ny-abc123", "image");
      record.mount(mountPoint);
      await sys.mounts.mount({ source: "rafs", target: mountPoint, type: "fuse" });
      const identity = record.content.processes.find(({ name }) => name === "nydusd")?.identity;
      return { daemon: { directory: "ny-abc123", process: identity }, shared: { mounted: true } };
    }

    it("is taken over with its daemon, which it ends with its mount and its directory", async () => {
      const state = await served();
      const after = nydus();
      expect(await adopted(after, state)).to.equal("adopted");
      expect(after.state()).to.deep.equal(state);
      await after.cleanup();
      expect(record.content).to.deep.include({ processes: [], paths: [] });
      expect(sys.mountTable).to.deep.equal([]);
      expect(readdirSync(path("run"))).to.deep.equal(["record.json"]);
    });

    it("is taken over without one where the snapshotter serves the image", async () => {
      await sharedRootfs().prepare(signal);
      expect(await adopted(nydus(), { daemon: false, shared: { mounted: true } })).to.equal("adopted");
    });

    it("is refused when its daemon or its mount is gone, or is another process", async () => {
      const state = await served();
      const { daemon } = state;
      const other = { ...daemon, process: { pid: process.pid, startTime: "1" } };
      expect(await adopted(nydus(), { ...state, daemon: other })).to.include(
        `nydusd (pid ${process.pid}) does not run`,
      );
      sys.mountTable.splice(
        sys.mountTable.findIndex(({ type }) => type === "fuse"),
        1,
      );
      expect(await adopted(nydus(), state)).to.include(`nothing is mounted at ${path("run", "ny-abc123", "image")}`);
      const gone = new Promise((resolve) => child?.once("exit", resolve));
      child?.kill("SIGKILL");
      await gone;
      expect(await adopted(nydus(), state)).to.match(/its nydusd \(pid \d+\) does not run any more/);
    });

    it("is refused by a state that is none, or that names another directory", async () => {
      const { daemon, shared } = await served();
      await refusesAll(nydus, broken, "the rootfs of c1");
      const wrong = ["../run", "ny-abc12/", "ny-", "/etc", "", 7, "ny-abc123/../.."];
      const states = wrong.map((one) => ({ daemon: { ...daemon, directory: one }, shared }));
      await refusesAll(nydus, [...states, { daemon: true, shared }, { daemon: {}, shared }], "which nydusd serves it");
    });

    it("does not have what others have put in the place of its directory removed", async () => {
      const state = await served();
      const after = nydus();
      await adopted(after, state);
      writeFileSync(path("source", "kept"), "");
      rmSync(path("run", "ny-abc123"), { recursive: true });
      symlinkSync(path("source"), path("run", "ny-abc123"));
      sys.mountTable.splice(0);
      await after.cleanup();
      expect(readdirSync(path("source"))).to.deep.equal(["kept"]);
    });
  });

  describe("is on a disk:", () => {
    const erofs = () => new ErofsRootfs(rootfs(layers()));
    const layers = () => {
      const bytes = Buffer.alloc(4096);
      bytes.writeUInt32LE(0xe0f5e1e2, 1024);
      writeFileSync(path("layer"), bytes);
      writeFileSync(path("upper"), "a file system");
      return [
        { type: "erofs", source: path("layer"), target: "", options: ["ro", "loop"] },
        { type: "ext4", source: path("upper"), target: "", options: ["rw", "loop"] },
        {
          type: "format/mkdir/overlay",
          source: "overlay",
          target: "",
          options: [
            "X-containerd.mkdir.path={{ mount 1 }}/upper:0755",
            "X-containerd.mkdir.path={{ mount 1 }}/work:0755",
            "workdir={{ mount 1 }}/work",
            "upperdir={{ mount 1 }}/upper",
            "lowerdir={{ mount 0 }}",
          ],
        },
      ];
    };
    const device = () =>
      new BlockVolume(volume({ destination: "/d", type: "bind", source: path("disk") }), () => found);
    const found = { path: "/dev/sdx", major: 8, minor: 0 };
    const direct = () => {
      const parts = { sys: real, root: path("direct"), deviceAt: () => undefined };
      return new DirectVolume(parts, volume({ destination: "/d", type: "bind", source: "/volume" }));
    };

    it("that disk is found in the machine, as it was asked for", async () => {
      await addMountInfo(
        real,
        path("direct"),
        "/volume",
        JSON.stringify({ "volume-type": "directvol", device: path("disk"), fstype: "ext4", options: [] }),
      );
      for (const make of [() => new BlockRootfs(rootfs(ext4())), device, direct]) {
        const before = new FakeDisks();
        [disks, before.released] = [before, 0];
        await make().prepare();
        expect(await adopted(make(), undefined)).to.equal("adopted");
        const [first, again] = before.added;
        expect(again).to.deep.equal(first);
      }
    });

    it("its layers are where the guest has them", async () => {
      const before = erofs();
      await before.prepare(signal);
      expect(before.state()).to.deep.equal(["/run/kata-containers/layers/0"]);
      disks = new FakeDisks();
      const after = erofs();
      expect(await adopted(after, ["/run/kata-containers/layers/4"])).to.equal("adopted");
      expect(after.state()).to.deep.equal(["/run/kata-containers/layers/4"]);
      expect(disks.added.map((one) => one.path)).to.deep.equal([path("upper"), path("layer")]);
      const numbers = ["/run/kata-containers/layers/x", "/etc/0", "/run/kata-containers/layers/-1", 7];
      const renew = () => {
        disks = new FakeDisks();
        return erofs();
      };
      const others = broken.filter((one) => !Array.isArray(one) || one.length !== 1);
      await refusesAll(renew, [...others, ["a", "b"]], "rootfs of c1");
      await refusesAll(
        renew,
        numbers.map((one) => [one]),
        path("layer"),
      );
    });

    it("what has vanished is named", async () => {
      const erofsGone = erofs();
      rmSync(path("layer"));
      expect(await adopted(erofsGone, ["/run/kata-containers/layers/0"])).to.match(
        /^KATA_ROOTFS_EROFS_LAYER .*\/layer/,
      );
      rmSync(path("disk"));
      expect(await adopted(new BlockRootfs(rootfs(ext4())), undefined)).to.match(
        /^KATA_ROOTFS_DISK .*\/disk: .*ENOENT/,
      );
      expect(await adopted(direct(), undefined)).to.match(/^KATA_DIRECT_VOLUME_FILE .*mountInfo\.json/);
    });
  });

  describe("is a shared directory, which", () => {
    const bind = () =>
      new SharedBind(volume({ destination: "/files", type: "bind", source: path("source"), options: [] }));

    it("is taken over with its share, and refused without one", async () => {
      await bind().prepare();
      const after = bind();
      expect(await adopted(after, undefined)).to.equal("adopted");
      await after.cleanup();
      expect(shareFs.held.size).to.equal(0);
      expect(await adopted(bind(), undefined)).to.match(
        /^KATA_RECOVER_PART the mount 2 at \/files .*nothing is shared as c1\/2-files/,
      );
    });
  });

  describe("is the tree of what is shared, which", () => {
    const files = () => new SharedFiles({ sys, record, directory: path("shared") });

    it("is taken over as it was, and refused when one of its mounts is gone", async () => {
      const before = files();
      await before.prepare();
      await before.share({ name: "c1/rootfs", source: path("source"), readOnly: false });
      const state = before.state();
      const after = files();
      after.adopt(state);
      expect(after.shared("c1/rootfs")?.guestPath).to.match(/\/c1\/rootfs$/);
      const index = sys.mountTable.findIndex(({ mountPoint }) => mountPoint.endsWith("mounts/c1/rootfs"));
      sys.mountTable.splice(index, 1);
      expect(() => files().adopt(state))
        .to.throw(`what is shared of ${path("source")} cannot be taken over: nothing is mounted at`)
        .with.property("code", "KATA_RECOVER_PART");
      sys.mountTable.splice(0);
      expect(() => files().adopt(state))
        .to.throw("nothing is mounted at")
        .with.property("code", "KATA_RECOVER_PART");
    });

    it("is refused by a state that is none", async () => {
      await files().prepare();
      for (const state of [...broken.filter((one) => !Array.isArray(one)), [["a"]], [[1, 2]], [["a", "b", "c"]]])
        expect(() => files().adopt(state), JSON.stringify(state)).to.throw("is not a list of shares");
      for (const name of ["../a", "/a", "", "a/../b"]) expect(() => files().adopt([[name, "/"]]), name).to.throw();
    });
  });
});
