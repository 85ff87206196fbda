import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plugin as blockMmio } from "../../../../src/plugins/storage/block-virtio-mmio/index.js";
import { plugin as blockPci } from "../../../../src/plugins/storage/block-virtio-pci/index.js";
import { plugin as blockScsi } from "../../../../src/plugins/storage/block-virtio-scsi/index.js";
import { plugin as rootfsBlock } from "../../../../src/plugins/storage/rootfs-block/index.js";
import { plugin as rootfsErofs } from "../../../../src/plugins/storage/rootfs-erofs/index.js";
import { plugin as rootfsShared } from "../../../../src/plugins/storage/rootfs-shared/index.js";
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

describe("root file systems keep what their kind promises", () => {
  const mounts = ({ directory }: Place) => [
    { type: "bind", source: join(directory, "bundle"), target: "", options: ["rbind"] },
  ];
  keepsPromises(rootfsShared, { takes: (place) => [{ mounts: mounts(place) }, {}] });
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
  const kubelet = ({ directory }: Place) => join(directory, "bundle/kubernetes.io~empty-dir/scratch");
  const empty = (place: Place) => ({
    mount: { destination: "/scratch", type: "bind", source: kubelet(place), options: ["rbind"] },
    withoutShare: true,
  });
  keepsPromises(volumeLocal, {
    arrange: (place) => void mkdirSync(kubelet(place), { recursive: true }),
    takes: (place) => [empty(place)],
    leaves: (place) => [{ ...empty(place), withoutShare: false }, bind(place)],
  });
  keepsPromises(volumeCopy, {
    takes: (place) => [{ ...bind(place), withoutShare: true }],
    leaves: (place) => [bind(place), { ...proc, withoutShare: true }],
  });
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
