import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Disk, DiskRequest } from "../../../../../src/core/contracts/disks.js";
import { findExecutable } from "../../../../../src/core/process/find-executable.js";
import { Scope } from "../../../../../src/core/scope.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { checkHost } from "../../../../../src/plugins/storage/volume-empty-dir/check-host.js";
import { emptyDirConfig } from "../../../../../src/plugins/storage/volume-empty-dir/config.js";
import { EmptyDirDisks } from "../../../../../src/plugins/storage/volume-empty-dir/empty-dir-disks.js";
import { EmptyDirVolume } from "../../../../../src/plugins/storage/volume-empty-dir/empty-dir-volume.js";
import { programs } from "../../../../../src/plugins/storage/volume-empty-dir/make-ext4.js";
import { matchEmptyDir } from "../../../../../src/plugins/storage/volume-empty-dir/match.js";
import { FakeDisks } from "../../../../../src/testing/fake-disks.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";
import { skip } from "../../../../support/skip.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";

const sys = createLinuxSys();

describe("the volume empty-dir", () => {
  const directory = temporaryDirectory();
  let parent: string;
  let scope: Scope;
  let disks: FakeDisks;
  let noted: string[];

  before(function () {
    if (programs.some((name) => findExecutable(name) === undefined)) skip(this, "e2fsprogs is not installed");
  });

  beforeEach(() => {
    parent = join(directory.path, "kubernetes.io~empty-dir");
    mkdirSync(join(parent, "cache"), { recursive: true });
    scope = Scope.root("sandbox");
    disks = new FakeDisks();
    noted = [];
  });
  afterEach(() => scope.close());

  const record = {
    file: (path: string) => void noted.push(`file ${path}`),
    forget: (path: string) => void noted.push(`forget ${path}`),
  };
  const mountOf = (name: string) => ({
    destination: "/cache",
    type: "bind",
    source: join(parent, name),
    options: ["rbind"],
  });
  const volume = (name: string, containerId = "c", of = disks): EmptyDirVolume => {
    const request = { containerId, sandboxId: "s", mount: mountOf(name), index: 1, shareFs: undefined, disks: of };
    return new EmptyDirVolume({ ...request, ...restOfRequest }, (found) =>
      EmptyDirDisks.of(found, { sys, scope, record }),
    );
  };
  const debugfs = (file: string, request: string): string =>
    execFileSync("debugfs", ["-R", request, file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

  it("takes volumes that begin empty where they are to be disks", () => {
    const mount = mountOf("cache");
    expect(matchEmptyDir({ mount }, "block-plain")).to.be.above(0);
    expect(matchEmptyDir({ mount }, "shared-fs")).to.equal(0);
    for (const source of [parent, `${parent}/cache/below`, `${parent}/..`, "kubernetes.io~empty-dir/x"]) {
      expect(matchEmptyDir({ mount: { ...mount, source } }, "block-plain"), source).to.equal(0);
    }
    expect(matchEmptyDir({ mount: { ...mount, type: "tmpfs", options: [] } }, "block-plain")).to.equal(0);
  });

  it("is an ext4 in a file that is all hole, with a root like the host's directory, and empty", async () => {
    chmodSync(join(parent, "cache"), 0o2777);
    const gid = process.getuid?.() === 0 ? 2000 : statSync(parent).gid;
    chownSync(join(parent, "cache"), -1, gid);
    const { storages, mounts } = await volume("cache").prepare();
    const file = join(parent, "cache", "disk.img");
    const { size, blocks, mode } = statSync(file);
    const { totalBytes } = sys.files.statfs(parent);
    expect(size).to.be.within(Math.min(totalBytes, 2 ** 43) - 4096, totalBytes);
    // Upstream's has 0.08 of a hundred.
    expect(blocks * 512).to.be.below(size / 1000);
    expect(mode & 0o7777).to.equal(0o600);
    expect(debugfs(file, "stat /")).to.match(
      new RegExp(`Type: directory +Mode: +02777[^]*Group: +${gid} [^]*Links: 2 `),
    );
    expect(debugfs(file, "ls /")).to.not.contain("lost+found");
    // It says so when something is wrong.
    execFileSync("e2fsck", ["-f", "-n", file], { stdio: "pipe" });
    const mountPoint = storages?.[0]?.mountPoint ?? "";
    expect(mountPoint).to.match(/^\/run\/kata-containers\/sandbox\/storage\/[0-9a-f]{32}$/);
    const options = ["discard", "rw"];
    expect(storages).to.deep.equal([
      { driver: "blk", source: "02", fstype: "ext4", options, mountPoint, shared: true },
    ]);
    expect(mounts).to.deep.equal([{ ...mountOf("cache"), source: mountPoint }]);
  }).timeout(60_000);

  it("is one disk for all containers of the pod, whoever comes and goes, and goes with the pod", async () => {
    const [one, two] = [volume("cache", "one"), volume("cache", "two")];
    const contributions = await Promise.all([one, two].map((each) => each.prepare()));
    expect(contributions[0]).to.deep.equal(contributions[1]);
    for (const each of [one, two]) await each.cleanup();
    expect((await volume("cache", "three").prepare()).storages).to.deep.equal(contributions[0]?.storages);
    expect(disks.added).to.have.length(1);
    expect(disks.added[0]).to.include({ purpose: `the volume ${join(parent, "cache")}`, readOnly: false });
    expect(disks.released).to.equal(0);
    const file = join(parent, "cache", "disk.img");
    expect(noted).to.deep.equal([`file ${file}`]);
    await scope.close();
    expect(existsSync(file)).to.equal(false);
    expect(noted).to.deep.equal([`file ${file}`, `forget ${file}`]);
  }).timeout(60_000);

  it("is the file that was made, whatever is put in its place, when the machine comes to open it", async () => {
    await volume("cache").prepare();
    const [{ path } = { path: "" }] = disks.added;
    const { ino } = statSync(join(parent, "cache", "disk.img"));
    execFileSync("ln", ["-sf", "/dev/null", join(parent, "cache", "disk.img")]);
    expect(statSync(path).ino).to.equal(ino);
    await scope.close();
    expect(readdirSync(join(parent, "cache"))).to.deep.equal([]);
  }).timeout(60_000);

  it("leaves nothing when the machine does not take it, and may be tried again", async () => {
    class Refusing extends FakeDisks {
      refuses = true;
      override add(request: DiskRequest): Promise<Disk> {
        return this.refuses ? Promise.reject(new Error("no slot")) : super.add(request);
      }
    }
    const some = new Refusing();
    expect(await rejected(() => volume("cache", "c", some).prepare())).to.contain("no slot");
    expect(readdirSync(join(parent, "cache"))).to.deep.equal([]);
    expect(noted.map((note) => note.split(" ")[0])).to.deep.equal(["file", "forget"]);
    some.refuses = false;
    await volume("cache", "c", some).prepare();
    expect(some.added).to.have.length(1);
  }).timeout(60_000);

  it("is not made of what is there already, of a link, or where there are no disks", async () => {
    writeFileSync(join(parent, "cache", "disk.img"), "somebody's");
    symlinkSync("/etc", join(parent, "link"));
    writeFileSync(join(parent, "file"), "");
    for (const name of ["cache", "link", "file", "missing"]) {
      expect(await rejected(() => volume(name).prepare()), name).to.equal("KATA_EMPTY_DIR_DISK");
    }
    expect(readFileSync(join(parent, "cache", "disk.img"), "utf8")).to.equal("somebody's");
    const mount = mountOf("cache");
    const request = { containerId: "c", sandboxId: "s", mount, index: 1, shareFs: undefined, disks: undefined };
    const none = new EmptyDirVolume({ ...request, ...restOfRequest }, (found) =>
      EmptyDirDisks.of(found, { sys, scope, record }),
    );
    expect(await rejected(() => none.prepare())).to.equal("KATA_EMPTY_DIR_NO_DISKS");
    expect(disks.added).to.deep.equal([]);
  });

  it("is found again by what another shim has noted, and made no second time", async () => {
    const first = volume("cache");
    const { storages } = await first.prepare();
    const next = new FakeDisks();
    const again = volume("cache", "c", next);
    await again.adopt(JSON.parse(JSON.stringify(first.state())));
    expect(next.added).to.deep.equal(disks.added);
    expect((await volume("cache", "d", next).prepare()).storages).to.deep.equal(storages);
    expect(next.added).to.have.length(1);
    expect(again.state()).to.deep.equal(first.state());
    for (const state of [undefined, [], { path: 5 }])
      expect(await rejected(() => volume("cache", "c", next).adopt(state))).to.equal("KATA_RECOVER_PART");
  }).timeout(60_000);

  it("has the host looked through for the programs that it takes", async () => {
    const check = async (emptydir_mode: string, path: string) => {
      const before_ = process.env["PATH"];
      process.env["PATH"] = path;
      try {
        return await checkHost({ config: { runtime: { emptydir_mode } } } as never);
      } finally {
        process.env["PATH"] = before_;
      }
    };
    expect(await check("shared-fs", "/nowhere")).to.deep.equal([]);
    const found = await check("block-plain", process.env["PATH"] ?? "");
    expect(found.map(({ name, state }) => `${name} ${state}`)).to.deep.equal(["mke2fs ok", "debugfs ok"]);
    const missing = await check("block-plain", "/nowhere");
    expect(missing.map(({ name, state }) => `${name} ${state}`)).to.deep.equal(["mke2fs missing", "debugfs missing"]);
  });

  it("refuses to be encrypted when configuration is read", () => {
    const check = (emptydir_mode: string) =>
      emptyDirConfig.kataConfig.check?.({ runtime: { emptydir_mode } } as never).map(({ key }) => key);
    expect(check("block-encrypted")).to.deep.equal(["emptydir_mode"]);
    expect(["block-plain", "shared-fs"].map(check)).to.deep.equal([[], []]);
  });
});
