import { join } from "node:path";
import { plugin as blockMmio } from "../../../../src/plugins/storage/block-virtio-mmio/index.js";
import { plugin as blockPci } from "../../../../src/plugins/storage/block-virtio-pci/index.js";
import { plugin as blockScsi } from "../../../../src/plugins/storage/block-virtio-scsi/index.js";
import { plugin as rootfsShared } from "../../../../src/plugins/storage/rootfs-shared/index.js";
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
