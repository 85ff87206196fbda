import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { ContainerdMount, Rootfs, RootfsRequest } from "../../../../../src/core/contracts/rootfs.js";
import { codeOf, describeError } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { SandboxRecord } from "../../../../../src/core/sandbox/record.js";
import { matchNydus } from "../../../../../src/plugins/storage/rootfs-nydus/match.js";
import { NydusRootfs } from "../../../../../src/plugins/storage/rootfs-nydus/nydus-rootfs.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";
import { temporaryDirectory } from "../../../core/sys/fixture.js";

const type = "fuse.nydus-overlayfs";

describe("NydusRootfs", () => {
  const directory = temporaryDirectory();
  const signal = new AbortController().signal;
  let path: string | undefined;
  let mounted: (readonly ContainerdMount[])[];
  let released: number;

  beforeEach(() => {
    path = process.env["PATH"];
    [mounted, released] = [[], 0];
  });
  afterEach(() => (process.env["PATH"] = path));

  const shared = {
    create: ({ mounts }: RootfsRequest): Rootfs => ({
      name: "shared",
      prepare: async () => {
        mounted.push(mounts);
        return { guestPath: "/shared" };
      },
      cleanup: async () => void released++,
    }),
  };

  const bootstrap = (bytes: Buffer): string => {
    const file = join(directory.path, "image.boot");
    writeFileSync(file, bytes);
    return file;
  };
  const rafs6 = (): Buffer => {
    const bytes = Buffer.alloc(4096);
    bytes.writeUInt32LE(0xe0f5e1e2, 1024);
    return bytes;
  };
  const overlay = ["workdir=/s/2/work", "upperdir=/s/2/fs"];
  const image = (source: string, version = "v6"): string => {
    const content = { source, config: '{"device":{}}', snapshotdir: "/s/2", fs_version: version };
    return `extraoption=${Buffer.from(JSON.stringify(content)).toString("base64")}`;
  };

  /** The root file system of a mount with these options, and where its sandbox keeps things. */
  const make = (options: string[], served: readonly string[] = []) => {
    const sys = fakeSys();
    for (const mountPoint of served) {
      const id = 7 + sys.mountTable.length;
      sys.mountTable.push({
        id,
        parentId: 1,
        major: 0,
        minor: 7,
        root: "/",
        mountPoint,
        type: "fuse",
        source: "rafs",
        options: [],
        superOptions: [],
      });
    }
    const runDirectory = join(directory.path, "run");
    mkdirSync(runDirectory, { recursive: true });
    const record = SandboxRecord.create(runDirectory, { namespace: "test", id: "s1" });
    const parts = { sys, log: silentLogger, shared, sandbox: { record, runDirectory } };
    const rootfs = new NydusRootfs(parts, {
      containerId: "c1",
      bundle: "/bundle",
      rootPath: "/bundle/rootfs",
      readOnly: false,
      mounts: [{ type, source: "overlay", target: "", options }],
      shareFs: undefined,
      disks: undefined,
    });
    const left = () => [...readdirSync(runDirectory).filter((name) => name !== "record.json"), ...record.content.paths];
    return { rootfs, left, record };
  };
  const refused = async ({ rootfs, left, record }: ReturnType<typeof make>) => {
    const error = await rootfs.prepare(signal).catch((error_: unknown) => error_);
    await rootfs.cleanup();
    expect(left()).to.deep.equal([]);
    expect(record.content.processes).to.deep.equal([]);
    expect(mounted).to.deep.equal([]);
    return [codeOf(error), describeError(error)] as const;
  };

  it("takes the mounts of nydus-snapshotter", () => {
    const score = (...types: string[]) =>
      matchNydus({ mounts: types.map((one) => ({ type: one, source: "overlay", target: "", options: [] })) });
    for (const one of [type, "fuse./usr/local/bin/nydus-overlayfs"]) expect(score(one), one).to.be.above(10);
    for (const one of ["overlay", "fuse.other", "fuse", "nydus-overlayfs"]) expect(score(one), one).to.equal(0);
    expect(score()).to.equal(0);
    expect(score(type, type)).to.equal(0);
  });

  it("is the overlay alone where the snapshotter serves the image", async () => {
    const { rootfs, left } = make(["volatile", ...overlay, "lowerdir=/s/1/mnt", image("/not/read")], ["/s/1/mnt"]);
    expect(await rootfs.prepare(signal)).to.deep.equal({ guestPath: "/shared" });
    const options = ["lowerdir=/s/1/mnt", "upperdir=/s/2/fs", "workdir=/s/2/work", "volatile"];
    expect(mounted).to.deep.equal([[{ type: "overlay", source: "overlay", target: "", options }]]);
    await rootfs.cleanup();
    expect(released).to.equal(1);
    expect(left()).to.deep.equal([]);
  });

  it("is the image itself, not to be written to, for a view", async () => {
    await make(["lowerdir=/s/1/mnt"]).rootfs.prepare(signal);
    await make(["lowerdir=/s/1/mnt:/s/0/fs"]).rootfs.prepare(signal);
    expect(mounted).to.deep.equal([
      [{ type: "bind", source: "/s/1/mnt", target: "", options: ["rbind", "ro"] }],
      [{ type: "overlay", source: "overlay", target: "", options: ["lowerdir=/s/1/mnt:/s/0/fs"] }],
    ]);
  });

  it("says that there is no nydusd where nobody serves the image", async () => {
    process.env["PATH"] = "/nowhere";
    const [code, message] = await refused(make([...overlay, "lowerdir=/s/1/fs", image(bootstrap(rafs6()))]));
    expect(code).to.equal("KATA_ROOTFS_NYDUS_NO_DAEMON");
    expect(message).to.include("no nydusd in /nowhere");
  });

  it("says what a nydusd said that ended at once, and leaves nothing of it", async () => {
    const programs = join(directory.path, "programs");
    mkdirSync(programs);
    writeFileSync(join(programs, "nydusd"), "#!/bin/sh\necho cannot read the image >&2; exit 3\n");
    chmodSync(join(programs, "nydusd"), 0o755);
    process.env["PATH"] = `${programs}:/bin`;
    const [code, message] = await refused(make([...overlay, "lowerdir=/s/1/fs", image(bootstrap(rafs6()))]));
    expect(code).to.equal("KATA_ROOTFS_NYDUS_STARTUP");
    expect(message).to.match(/nydusd ended \(exit code 3\).*it said: cannot read the image/);
  });

  it("refuses metadata that is none, and options that are none", async () => {
    const file = bootstrap(rafs6());
    const cases: [string, string, RegExp][] = [
      [join(directory.path, "missing"), "v6", /ENOENT/],
      [directory.path, "v6", /that is no file/],
      [file, "v5", /no RAFS v5/],
    ];
    for (const [source, version, why] of cases) {
      const [code, message] = await refused(make([...overlay, "lowerdir=/s/1/fs", image(source, version)]));
      expect(code).to.equal("KATA_ROOTFS_NYDUS_IMAGE");
      expect(message).to.include(`"c1" is of nydus: the metadata at ${source}`).and.match(why);
    }
    bootstrap(Buffer.alloc(4096));
    const [, message] = await refused(make([...overlay, "lowerdir=/s/1/fs", image(file)]));
    expect(message).to.include("no RAFS v6");
    expect((await refused(make(["lowerdir=/a/../b"])))[0]).to.equal("KATA_ROOTFS_NYDUS_OPTION");
    const [code, more] = await refused(make([...overlay, "lowerdir=/a:/b", image(file)]));
    expect([code, more.includes("nobody serves")]).to.deep.equal(["KATA_ROOTFS_NYDUS_OPTION", true]);
    expect(existsSync("/s")).to.equal(false);
  });
});
