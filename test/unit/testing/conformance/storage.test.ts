import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findExecutable } from "../../../../src/core/process/find-executable.js";
import { fileSystemType } from "../../../../src/core/sys/file-system-type.js";
import { plugin as blockMmio } from "../../../../src/plugins/storage/block-virtio-mmio/index.js";
import { plugin as blockPci } from "../../../../src/plugins/storage/block-virtio-pci/index.js";
import { plugin as blockScsi } from "../../../../src/plugins/storage/block-virtio-scsi/index.js";
import { plugin as rootfsBlock } from "../../../../src/plugins/storage/rootfs-block/index.js";
import { plugin as rootfsErofs } from "../../../../src/plugins/storage/rootfs-erofs/index.js";
import { plugin as rootfsNydus } from "../../../../src/plugins/storage/rootfs-nydus/index.js";
import { plugin as rootfsShared } from "../../../../src/plugins/storage/rootfs-shared/index.js";
import { plugin as volumeBlock } from "../../../../src/plugins/storage/volume-block/index.js";
import { volumeName } from "../../../../src/plugins/storage/volume-direct/mount-info.js";
import { plugin as volumeDirect } from "../../../../src/plugins/storage/volume-direct/index.js";
import { plugin as volumeEmptyDir } from "../../../../src/plugins/storage/volume-empty-dir/index.js";
import { plugin as volumeEphemeral } from "../../../../src/plugins/storage/volume-ephemeral/index.js";
import { plugin as volumeHugePages } from "../../../../src/plugins/storage/volume-hugepages/index.js";
import { plugin as volumeCopy } from "../../../../src/plugins/storage/volume-copy/index.js";
import { plugin as volumeLocal } from "../../../../src/plugins/storage/volume-local/index.js";
import { plugin as volumeSharedBind } from "../../../../src/plugins/storage/volume-shared-bind/index.js";
import { plugin as volumeShm } from "../../../../src/plugins/storage/volume-shm/index.js";
import { plugin as volumeSystem } from "../../../../src/plugins/storage/volume-system/index.js";
import { bundlePaths, type Place } from "../../../../src/testing/index.js";
import { keepsPromises } from "../../../support/keeps-promises.js";

const bind = (place: Place) => {
  const { shared } = bundlePaths(place);
  return { mount: { destination: "/data", type: "bind", source: shared, options: ["rbind", "rw"] } };
};
const proc = { mount: { destination: "/proc", type: "proc", source: "proc", options: [] } };
const shm = { mount: { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["size=65536k"] } };

/** Volumes of the kubelet that begin empty. */
const scratch = ({ directory }: Pick<Place, "directory">) => join(directory, "bundle/kubernetes.io~empty-dir/scratch");
const bindOf = (source: string, options = ["rbind", "rw"]) => ({
  mount: { destination: "/scratch", type: "bind", source, options },
});
const arrangeScratch = (place: Place) => void mkdirSync(scratch(place), { recursive: true });

describe("root file systems keep what their kind promises", () => {
  const mounts = ({ directory }: Place) => [
    { type: "bind", source: join(directory, "bundle"), target: "", options: ["rbind"] },
  ];
  keepsPromises(rootfsShared, { takes: (place) => [{ mounts: mounts(place) }, {}] });

  // Its image is served by somebody else's nydusd; one of its own is tried in test/integration/storage.
  const image = ({ directory }: Place) => join(directory, "bundle/image");
  const nydus = (place: Place) => {
    const [upper, work] = ["upper", "work"].map((name) => join(place.directory, "bundle", name));
    const options = [`lowerdir=${image(place)}`, `upperdir=${upper}`, `workdir=${work}`];
    return { type: "fuse.nydus-overlayfs", source: "overlay", target: "", options };
  };
  keepsPromises(rootfsNydus, {
    plugins: [rootfsShared],
    arrange: async (place) => {
      for (const name of ["image", "upper", "work"]) mkdirSync(join(place.directory, "bundle", name));
      await place.sys.mounts.mount({ source: "rafs", target: image(place), type: "fuse.rafs" });
    },
    takes: (place) => [{ mounts: [nydus(place)] }],
    leaves: (place) => [{}, { mounts: mounts(place) }, { mounts: [nydus(place), nydus(place)] }],
  });
});

/** A file of a trial with what a file system's first blocks are, and the mount by which a snapshotter names it. */
const image = ({ directory }: Pick<Place, "directory">, type: string) => ({
  type,
  source: join(directory, `${type}.img`),
  target: "",
  options: type === "erofs" ? ["ro", "loop"] : ["rw"],
});

describe("root file systems that are disks keep what their kind promises", () => {
  const write = (type: string, at: number, magic: number) => (place: Place) => {
    const bytes = Buffer.alloc(8192);
    bytes.writeUInt32LE(magic, at);
    writeFileSync(image(place, type).source, bytes);
  };
  keepsPromises(rootfsBlock, {
    arrange: write("ext4", 1080, 0xef53),
    takes: (place) => [{ mounts: [image(place, "ext4")] }],
    leaves: (place) => [{}, { mounts: [image(place, "erofs")] }],
  });
  keepsPromises(rootfsErofs, {
    arrange: write("erofs", 1024, 0xe0f5e1e2),
    takes: (place) => [{ mounts: [image(place, "erofs")], readOnly: true }],
    leaves: (place) => [{}, { mounts: [image(place, "ext4")] }],
  });
});

describe("volumes without a share keep what their kind promises", () => {
  const empty = (place: Place) => ({ ...bindOf(scratch(place), ["rbind"]), withoutShare: true });
  keepsPromises(volumeLocal, {
    arrange: arrangeScratch,
    takes: (place) => [empty(place)],
    leaves: (place) => [{ ...empty(place), withoutShare: false }, bind(place)],
  });
  keepsPromises(volumeCopy, {
    takes: (place) => [{ ...bind(place), withoutShare: true }],
    leaves: (place) => [bind(place), { ...proc, withoutShare: true }],
  });
});

describe("volumes in memory keep what their kind promises", () => {
  // The memory is that of a file system which every host has.
  keepsPromises(volumeEphemeral, {
    arrange(place) {
      mkdirSync(join(scratch(place), ".."));
      symlinkSync("/dev/shm", scratch(place));
    },
    takes: (place) => [bindOf(scratch(place))],
    leaves: (place) => [bindOf("/dev/shm"), bind(place), proc],
  });
  keepsPromises(volumeHugePages, {
    arrange({ sys }) {
      const found = { type: fileSystemType.hugetlbfs, blockSize: 2 << 20, totalBytes: 64 << 20, freeBytes: 64 << 20 };
      sys.answer("files", "statfs", () => ({ ...found, availableBytes: 64 << 20, totalFiles: 0, freeFiles: 0 }));
    },
    takes: () => [bindOf("/dev/shm")],
    leaves: (place) => [bind(place), proc],
  });
});

describe("volumes that are disks keep what their kind promises", () => {
  const devices = readdirSync("/sys/class/block").map((name) => join("/dev", name));
  const device = devices.find((path) => statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true);
  // Nobody opens it: the machine is pretended.
  keepsPromises(
    volumeBlock,
    {
      takes: () => [{ mount: { destination: "/data", type: "ext4", source: device ?? "" } }, bindOf(device ?? "")],
      leaves: (place) => [bind(place), proc],
    },
    device === undefined ? "this host has no block device" : undefined,
  );

  const assigned = "/var/lib/kubelet/pods/one/volumes/csi/mount";
  keepsPromises(volumeDirect, {
    arrange(place) {
      const disk = join(place.directory, "disk");
      writeFileSync(disk, "a disk");
      const said = join(place.directory, "direct-volumes", volumeName(assigned));
      mkdirSync(said, { recursive: true, mode: 0o700 });
      const info = { "volume-type": "block", device: disk, fstype: "ext4", options: ["noatime"] };
      writeFileSync(join(said, "mountInfo.json"), JSON.stringify(info), { mode: 0o600 });
    },
    takes: () => [bindOf(assigned)],
    leaves: (place) => [bind(place), proc],
  });

  const missing = ["mke2fs", "debugfs"].find((program) => findExecutable(program) === undefined);
  keepsPromises(
    volumeEmptyDir,
    {
      runtime: 'emptydir_mode = "block-plain"',
      arrange(place) {
        arrangeScratch(place);
        // A disk is as large as the file system that it is in.
        const found = { type: fileSystemType.tmpfs, blockSize: 4096, totalBytes: 64 << 20, freeBytes: 64 << 20 };
        place.sys.answer("files", "statfs", () => ({
          ...found,
          availableBytes: 64 << 20,
          totalFiles: 0,
          freeFiles: 0,
        }));
      },
      takes: (place) => [bindOf(scratch(place))],
      leaves: (place) => [bind(place), proc],
      ofPod: true,
      skips: {
        "is taken over by another process, which undoes it":
          "what undoes the file of a process that was killed is the sandbox's record",
      },
    },
    missing === undefined ? undefined : `there is no ${missing} (e2fsprogs)`,
  );
});

describe("volumes keep what their kind promises", () => {
  keepsPromises(volumeSystem, { takes: () => [proc], leaves: (place) => [bind(place)] });
  keepsPromises(volumeShm, { takes: () => [shm], leaves: (place) => [bind(place), proc] });
  keepsPromises(volumeSharedBind, { takes: (place) => [bind(place)], leaves: () => [proc] });
});

describe("block drivers keep what their kind promises", () => {
  keepsPromises(blockPci, { guestLocator: "02/01" });
  keepsPromises(blockMmio, { guestLocator: "/dev/vda" });
  keepsPromises(blockScsi, { guestLocator: "0:1" });
});
