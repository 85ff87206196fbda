import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { KataError } from "../../../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { DirectVolume } from "../../../../../src/plugins/storage/volume-direct/direct-volume.js";
import { matchDirectVolume } from "../../../../../src/plugins/storage/volume-direct/match.js";
import { readMountInfo, volumeName } from "../../../../../src/plugins/storage/volume-direct/mount-info.js";
import { addMountInfo, removeMountInfo } from "../../../../../src/plugins/storage/volume-direct/write-mount-info.js";
import { parseMountInfo } from "../../../../../src/plugins/storage/volume-direct/parse-mount-info.js";
import { matchSharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/match.js";
import { FakeDisks } from "../../../../../src/testing/fake-disks.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { needsRoot } from "../../../../support/needs-root.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

const source = "/var/lib/kubelet/pods/x/volumes/kubernetes.io~csi/pvc?/mount";
const info = {
  "volume-type": "directvol",
  device: "/dev/sdx",
  fstype: "ext4",
  metadata: { fsGroup: "2000", fsGroupChangePolicy: "OnRootMismatch", other: 1 },
  options: ["noatime"],
};
const place = { source, file: "/info" };

describe("what a CSI driver says of a volume", () => {
  it("is read as upstream's tools write it", () => {
    const group = { id: 2000, policy: "on-root-mismatch" } as const;
    const read = { device: "/dev/sdx", fstype: "ext4", options: ["noatime"], group };
    expect(parseMountInfo(JSON.stringify(info), place)).to.deep.equal(read);
    const { options: _options, metadata: _metadata, ...least } = { ...info, "volume-type": "block" };
    const none = { ...read, options: [], group: undefined };
    expect(parseMountInfo(JSON.stringify(least), place)).to.deep.equal(none);
  });

  const wrong: [field: string, change: Record<string, unknown>][] = [
    ["volume-type", { "volume-type": "vfiovol" }],
    ["volume-type", { "volume-type": undefined }],
    ["device", { device: "sdx" }],
    ["device", { device: "/dev/\0" }],
    ["fstype", { fstype: "nfs" }],
    ["options", { options: "ro" }],
    ["options", { options: ["ro,dev=/dev/sda"] }],
    ["options", { options: [""] }],
    ["metadata", { metadata: [] }],
    ["metadata.fsGroup", { metadata: { fsGroup: 5 } }],
    ["metadata.fsGroup", { metadata: { fsGroup: "4294967295" } }],
    ["metadata.fsGroupChangePolicy", { metadata: { fsGroupChangePolicy: "Never" } }],
  ];
  for (const [field, change] of wrong) {
    it(`names the field ${field} when it is ${JSON.stringify(Object.values(change)[0])}`, () => {
      expect(() => parseMountInfo(JSON.stringify({ ...info, ...change }), place))
        .to.throw(KataError, `"${field}" is `)
        .with.property("code", "KATA_DIRECT_VOLUME_FIELD");
    });
  }

  it("is an error of a kind that is known, whatever it is", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ "volume-type": fc.constant("block"), device: fc.string(), options: fc.jsonValue() })
        .map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          parseMountInfo(text, place);
        } catch (error) {
          expect((error as KataError).code).to.match(/^KATA_DIRECT_VOLUME_/);
        }
      }),
    );
  });
});

describe("DirectVolume", () => {
  const sys = createLinuxSys();
  const directory = temporaryDirectory();
  let root: string;
  let own: string;
  let file: string;
  let disks: FakeDisks;

  beforeEach(() => {
    disks = new FakeDisks();
    root = join(directory.path, "direct-volumes");
    own = join(root, volumeName(source));
    mkdirSync(own, { recursive: true, mode: 0o755 });
    file = join(own, "mountInfo.json");
    writeFileSync(file, JSON.stringify(info), { mode: 0o644 });
  });

  const mount = { destination: "/data", type: "bind", source, options: ["rbind", "ro"] };
  const make = (): DirectVolume =>
    new DirectVolume(
      { sys, root, deviceAt: (path) => (path === "/dev/sdx" ? { path: "/dev/sdb", major: 8, minor: 16 } : undefined) },
      {
        containerId: "c",
        sandboxId: "s",
        mount,
        index: 1,
        shareFs: undefined,
        disks,
        ...restOfRequest,
      },
    );
  const describeWith = (change: object): void => writeFileSync(file, JSON.stringify({ ...info, ...change }));

  it("is recognised by what is said of its path, in upstream's place", () => {
    expect(volumeName("/a?>")).to.equal("L2E_Pg==");
    expect(matchDirectVolume({ mount }, root)).to.be.above(matchSharedBind({ mount, shareFs: new FakeShareFs() }));
    for (const other of [`${source}/below`, "relative", "/".repeat(5000)]) {
      expect(matchDirectVolume({ mount: { ...mount, source: other } }, root)).to.equal(0);
    }
    expect(matchDirectVolume({ mount: { ...mount, type: "tmpfs", options: [] } }, root)).to.equal(0);
  });

  it("is a disk that the guest mounts once for its pod, for its group", async () => {
    const volume = make();
    const mountPoint = `/run/kata-containers/sandbox/storage/${volumeName(source)}`;
    expect(await volume.prepare()).to.deep.equal({
      storages: [
        {
          driver: "blk",
          source: "02",
          fstype: "ext4",
          options: ["noatime", "rw"],
          mountPoint,
          shared: true,
          group: { id: 2000, policy: "on-root-mismatch" },
        },
      ],
      mounts: [{ ...mount, source: mountPoint }],
    });
    expect(disks.added).to.deep.equal([{ purpose: `the volume ${source}`, path: "/dev/sdb", readOnly: false }]);
    await volume.cleanup();
    await volume.detach();
    expect(disks.released).to.equal(1);
  });

  it("is read-only for the machine when its options say so, and an image in a file", async () => {
    const image = join(directory.path, "image");
    writeFileSync(image, "a file system");
    describeWith({ device: image, options: ["ro"], metadata: {} });
    await make().prepare();
    expect(disks.added).to.deep.equal([{ purpose: `the volume ${source}`, path: image, readOnly: true }]);
  });

  it("grows as its CSI driver wants it, once it is there", async () => {
    const image = join(directory.path, "image");
    writeFileSync(image, "a file system");
    describeWith({ device: image, metadata: {} });
    const volume = make();
    expect(volume.sized).to.equal(undefined);
    await volume.prepare();
    const guestPath = `/run/kata-containers/sandbox/storage/${volumeName(source)}`;
    expect(volume.sized).to.deep.include({ source, guestPath });
    await volume.sized?.grow(7);
    expect(disks.grown).to.deep.equal([[image, 7]]);
  });

  it("is said and unsaid by us as it is by upstream's program", async () => {
    const text = JSON.stringify({ ...info, metadata: {} });
    const other = `${source}2`;
    for (let times = 0; times < 2; times++) {
      expect(await addMountInfo(sys, root, other, text)).to.equal(join(root, volumeName(other), "mountInfo.json"));
    }
    expect(readMountInfo(sys, root, other)).to.include({ device: "/dev/sdx", fstype: "ext4" });
    expect(await removeMountInfo(sys, root, other)).to.equal(true);
    expect(await removeMountInfo(sys, root, other)).to.equal(false);
    expect(matchDirectVolume({ mount: { ...mount, source: other } }, root)).to.equal(0);
    expect(await rejected(() => addMountInfo(sys, root, other, "{}"))).to.equal("KATA_DIRECT_VOLUME_FIELD");
    for (const path of ["relative", `/${"x".repeat(200)}`, "/\0"]) {
      expect(await rejected(() => addMountInfo(sys, root, path, text)), path).to.equal("KATA_DIRECT_VOLUME_PATH");
    }
    expect(await removeMountInfo(sys, join(root, "missing"), other)).to.equal(false);
  });

  it("has a device that is one", async () => {
    mkdirSync(join(directory.path, "directory"));
    writeFileSync(join(directory.path, "empty"), "");
    for (const name of ["directory", "empty", "missing"]) {
      describeWith({ device: join(directory.path, name) });
      expect(await rejected(() => make().prepare()), name).to.equal("KATA_DIRECT_VOLUME_DISK");
    }
    expect(disks.added).to.deep.equal([]);
  });

  it("is not believed when others could have said it", async function () {
    needsRoot(this);
    const spoil: (() => void)[] = [
      () => chmodSync(file, 0o666),
      () => chownSync(file, 1000, 0),
      () => chmodSync(own, 0o777),
      () => chownSync(root, 1000, 0),
      () => writeFileSync(file, `{${" ".repeat(70_000)}}`),
      () => writeFileSync(file, "["),
      () => writeFileSync(file, "[]"),
      () => {
        rmSync(file);
        mkdirSync(file);
      },
      () => {
        rmSync(file, { recursive: true });
        symlinkSync("/etc/passwd", file);
      },
      () => {
        rmSync(own, { recursive: true });
        symlinkSync("/etc", own);
      },
    ];
    for (const [index, step] of spoil.entries()) {
      chownSync(root, 0, 0);
      if (index < 8) {
        chmodSync(own, 0o755);
        chownSync(file, 0, 0);
        chmodSync(file, 0o644);
      }
      step();
      expect(await rejected(() => make().prepare()), `way ${index}`).to.equal("KATA_DIRECT_VOLUME_FILE");
    }
  });
});
