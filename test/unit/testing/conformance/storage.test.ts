import { join } from "node:path";
import { plugin as blockMmio } from "../../../../src/plugins/storage/block-virtio-mmio/index.js";
import { plugin as blockPci } from "../../../../src/plugins/storage/block-virtio-pci/index.js";
import { plugin as blockScsi } from "../../../../src/plugins/storage/block-virtio-scsi/index.js";
import { plugin as rootfsShared } from "../../../../src/plugins/storage/rootfs-shared/index.js";
import { plugin as volumeSharedBind } from "../../../../src/plugins/storage/volume-shared-bind/index.js";
import { plugin as volumeShm } from "../../../../src/plugins/storage/volume-shm/index.js";
import { plugin as volumeSystem } from "../../../../src/plugins/storage/volume-system/index.js";
import { bundlePaths, describeConformance, type Place } from "../../../../src/testing/index.js";

const runner = { describe, it };
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
  describeConformance(runner, rootfsShared, { takes: (place) => [{ mounts: mounts(place) }, {}] });
});

describe("volumes keep what their kind promises", () => {
  describeConformance(runner, volumeSystem, { takes: () => [proc], leaves: (place) => [bind(place)] });
  describeConformance(runner, volumeShm, { takes: () => [shm], leaves: (place) => [bind(place), proc] });
  describeConformance(runner, volumeSharedBind, { takes: (place) => [bind(place)], leaves: () => [proc] });
});

describe("block drivers keep what their kind promises", () => {
  describeConformance(runner, blockPci, { guestLocator: "02/01" });
  describeConformance(runner, blockMmio, { guestLocator: "/dev/vda" });
  describeConformance(runner, blockScsi, { guestLocator: "0:1" });
});
