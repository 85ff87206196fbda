import { expect } from "chai";
import * as fc from "fast-check";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { belowContainers } from "../../../../../guest/agent/storage/mount-point.js";
import { Storages } from "../../../../../guest/agent/storage/storages.js";
import { KataError } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { Storage } from "../../../../../src/core/proto/gen/kata/agent.js";
import { type FakeSys, fakeSys } from "../../../../../src/testing/fake-sys.js";
import { needsRoot } from "../../../../support/needs-root.js";

describe("storages of the guest", () => {
  let directory: string;
  let base: string;
  let sys: FakeSys;
  let loaded: string[];
  let storages: Storages;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "storages-"));
    base = join(directory, "run/kata-containers");
    mkdirSync(base, { recursive: true });
    sys = fakeSys();
    loaded = [];
    const roots = {
      run: join(directory, "run"),
      proc: "/proc",
      sys: join(directory, "sys"),
      dev: join(directory, "dev"),
      cgroup: "/nowhere",
    };
    const load = async (name: string) => void loaded.push(name);
    const modules = { load, loadFileSystem: load };
    storages = new Storages({ sys, roots, modules, hotplugTime: 20 }, silentLogger);
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const storage = (change: Partial<Storage>): Storage => ({
    ...Storage.fromPartial({ driver: "virtio-fs", source: "kataShared", fstype: "virtiofs", options: ["nodev"] }),
    mountPoint: join(base, "shared/containers/"),
    ...change,
  });

  const mounts = () => sys.callsTo("mounts", "mountOci").map(([mount]) => mount);
  const unmounts = () => sys.callsTo("mounts", "unmountBeneath").map(([, relative]) => relative);

  async function failure(promise: Promise<unknown>): Promise<KataError> {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(KataError);
    return error as KataError;
  }

  it("mounts a share, its file system loaded first", async () => {
    await storages.add("c1", [storage({})]);
    expect(loaded).to.deep.equal(["virtiofs"]);
    expect(mounts()).to.deep.equal([{ type: "virtiofs", source: "kataShared", options: ["nodev"] }]);
    expect(existsSync(join(base, "shared/containers"))).to.equal(true);
  });

  it("mounts once what several want, until the last lets go", async () => {
    await Promise.all([storages.add("c1", [storage({})]), storages.add("c2", [storage({})])]);
    expect(mounts()).to.have.length(1);
    await storages.release("c1");
    expect(unmounts()).to.deep.equal([]);
    await storages.release("c2");
    await storages.release("c2");
    expect(unmounts()).to.deep.equal(["shared/containers"]);
    expect(storages.has(join(base, "shared/containers"))).to.equal(false);
  });

  it("undoes those before one that fails, last first", async () => {
    const good = ["a", "b"].map((name) => storage({ mountPoint: join(base, name) }));
    const bad = storage({ driver: "9p", mountPoint: join(base, "c") });
    const error = await failure(storages.add("c1", [...good, bad]));
    expect(error).to.include({ code: "KATA_GUEST_STORAGE_DRIVER", status: "UNIMPLEMENTED" });
    expect(error.message).to.contain('"9p"').and.contain("virtio-fs");
    expect(unmounts()).to.deep.equal(["b", "a"]);
  });

  it("says what could not be mounted and where, and takes it again later", async () => {
    sys.fail("mounts", "mountOci", "ENODEV", 1);
    const error = await failure(storages.add("c1", [storage({})]));
    expect(error.message).to.contain('"kataShared" (virtio-fs)').and.contain("shared/containers");
    await storages.add("c1", [storage({})]);
  });

  it("makes memory of the size that was asked for, and gives it to a group", async () => {
    const mountPoint = join(base, "sandbox/ephemeral/x");
    const group = process.getgid?.() ?? 0;
    const options = ["size=1M", `fsgid=${group}`];
    await storages.add("c1", [storage({ driver: "ephemeral", fstype: "tmpfs", source: "tmpfs", mountPoint, options })]);
    expect(mounts()).to.deep.equal([{ type: "tmpfs", source: "tmpfs", options: ["size=1M"] }]);
    expect(statSync(mountPoint).mode & 0o7777).to.equal(0o2775);
  });

  it("shows the node of a disk as a file, and takes it away again", async () => {
    mkdirSync(join(directory, "dev"));
    const node = join(directory, "dev/vdb");
    symlinkSync("/dev/null", node);
    const mountPoint = join(base, "sandbox/storage/c1-3");
    const disk = storage({ driver: "mmioblk", source: node, fstype: "bind", options: ["ro"], mountPoint });
    await storages.add("c1", [disk]);
    expect(mounts()).to.deep.equal([{ type: "bind", source: node, options: ["ro"] }]);
    expect(loaded).to.deep.equal([]);
    expect(statSync(mountPoint).isFile()).to.equal(true);
    await storages.release("c1");
    expect(existsSync(mountPoint)).to.equal(false);
  });

  it("makes a directory of the guest", async () => {
    const mountPoint = join(base, "local/x");
    await storages.add("c1", [storage({ driver: "local", fstype: "local", options: ["mode=0777"], mountPoint })]);
    expect(mounts()).to.deep.equal([]);
    expect(statSync(mountPoint).mode & 0o7777).to.equal(0o777);
    writeFileSync(join(mountPoint, "file"), "");
    await storages.release("c1");
    expect(existsSync(mountPoint)).to.equal(true);
    const bad = storage({ driver: "local", options: ["mode=rwx"], mountPoint: join(base, "local/y") });
    expect((await failure(storages.add("c1", [bad]))).status).to.equal("INVALID_ARGUMENT");
  });

  it("makes the directories an overlay writes to", async () => {
    const at = (name: string): string => join(base, "c1", name);
    const options = [`lowerdir=${at("lower")}`, `upperdir=${at("fs")}`, `workdir=${at("work")}`];
    await storages.add("c1", [storage({ driver: "overlayfs", fstype: "overlay", options, mountPoint: at("rootfs") })]);
    expect(loaded).to.deep.equal(["overlay"]);
    expect([existsSync(at("fs")), existsSync(at("work"))]).to.deep.equal([true, true]);
    const outside = storage({ driver: "overlayfs", options: ["upperdir=/etc/x"], mountPoint: at("other") });
    expect((await failure(storages.add("c1", [outside]))).message).to.contain("upperdir");
  });

  it("waits for a disk, and not for ever", async () => {
    const missing = storage({ driver: "blk", fstype: "ext4", source: "02/01" });
    const error = await failure(storages.add("c1", [missing]));
    expect(error).to.include({ code: "KATA_GUEST_DEVICE_ABSENT", status: "NOT_FOUND" });
    expect(error.message).to.contain("02/01");
  });

  it("sets huge pages aside", async () => {
    const pages = join(directory, "sys/kernel/mm/hugepages/hugepages-2048kB");
    mkdirSync(pages, { recursive: true });
    writeFileSync(join(pages, "nr_hugepages"), "3\n");
    const options = ["pagesize=2M", "size=5242880"];
    const huge = storage({ driver: "ephemeral", fstype: "hugetlbfs", source: "nodev", options });
    const count = () => readFileSync(join(pages, "nr_hugepages"), "utf8");
    await storages.add("c1", [huge]);
    expect(count()).to.equal("6");
    await storages.release("c1");
    expect(count()).to.equal("3");
    sys.fail("mounts", "mountOci", "ENODEV", 1);
    await failure(storages.add("c1", [huge]));
    expect(count()).to.equal("3");
    const greedy = await failure(storages.add("c1", [{ ...huge, options: ["pagesize=2M", "size=65536G"] }]));
    expect(greedy.code).to.equal("KATA_GUEST_HUGE_PAGES");
    expect(count()).to.equal("3");
    const other = { ...huge, options: ["pagesize=1G", "size=1G"] };
    expect((await failure(storages.add("c1", [other]))).code).to.equal("KATA_GUEST_HUGE_PAGES");
    for (const page of ["0", "x"]) {
      const odd = { ...huge, options: [`pagesize=${page}`, "size=1G"] };
      expect((await failure(storages.add("c1", [odd]))).status).to.equal("INVALID_ARGUMENT");
    }
  });

  it("gives all of a volume to its group, but what links point to", async function () {
    needsRoot(this);
    const mountPoint = join(base, "sandbox/storage/x");
    mkdirSync(join(mountPoint, "below"), { recursive: true });
    const outside = join(directory, "outside");
    writeFileSync(outside, "", { mode: 0o600 });
    writeFileSync(join(mountPoint, "below/file"), "", { mode: 0o600 });
    symlinkSync(outside, join(mountPoint, "link"));
    const owned = (path: string) => {
      const { gid, mode } = lstatSync(path);
      return [gid, (mode & 0o7777).toString(8)];
    };
    const given = storage({ mountPoint, fsGroup: { groupId: 2000, groupChangePolicy: 1 } });
    await storages.add("c1", [{ ...given, options: ["ro"] }]);
    expect(owned(mountPoint)).to.deep.equal([0, "755"]);
    await storages.release("c1");
    rmSync(outside);
    writeFileSync(outside, "", { mode: 0o600 });
    await storages.add("c1", [given]);
    expect(["", "below", "below/file"].map((name) => owned(join(mountPoint, name)))).to.deep.equal([
      [2000, "2775"],
      [2000, "2775"],
      [2000, "660"],
    ]);
    expect(lstatSync(join(mountPoint, "link")).gid).to.equal(2000);
    expect(owned(outside)).to.deep.equal([0, "600"]);
    writeFileSync(join(mountPoint, "new"), "", { mode: 0o600 });
    await storages.release("c1");
    await storages.add("c2", [given]);
    expect(owned(join(mountPoint, "new"))[1]).to.equal("600");
  });

  it("follows no symbolic link to where it mounts", async () => {
    symlinkSync("/etc", join(base, "link"));
    await failure(storages.add("c1", [storage({ mountPoint: join(base, "link/x") })]));
    expect(mounts()).to.deep.equal([]);
  });

  it("takes mount points below its own directory, and no others", () => {
    const roots = { run: "/run", proc: "", sys: "", dev: "", cgroup: "" };
    expect(belowContainers(roots, "f", "/run/kata-containers/a/b/")).to.equal("a/b");
    const segment = fc.constantFrom("..", ".", "", "run", "kata-containers", "etc", "a\0b");
    fc.assert(
      fc.property(fc.array(segment), (parts) => {
        const path = `/run/kata-containers/${parts.join("/")}`;
        let relative: string | undefined;
        try {
          relative = belowContainers(roots, "f", path);
        } catch (error) {
          expect(error).to.be.instanceOf(KataError);
        }
        if (relative !== undefined) expect(relative.split("/")).not.to.include.oneOf(["..", ".", "", "a\0b"]);
      }),
    );
    for (const path of ["/etc", "/run/kata-containers", "/run/kata-containersx/a", "run/kata-containers/a"]) {
      expect(() => belowContainers(roots, "f", path), path).to.throw("below /run/kata-containers/");
    }
  });
});
