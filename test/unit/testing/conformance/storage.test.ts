import { plugin as blockMmio } from "../../../../src/plugins/storage/block-virtio-mmio/index.js";
import { plugin as blockPci } from "../../../../src/plugins/storage/block-virtio-pci/index.js";
import { plugin as blockScsi } from "../../../../src/plugins/storage/block-virtio-scsi/index.js";
import { keepsPromises } from "../../../support/keeps-promises.js";
import { rootFileSystems } from "../../../support/subjects/rootfs.js";
import { volumes } from "../../../support/subjects/volumes.js";

describe("root file systems keep what their kind promises", () => {
  for (const { plugin, subject, here } of rootFileSystems) keepsPromises(plugin, subject, here);
});

describe("volumes keep what their kind promises", () => {
  for (const { plugin, subject, here } of volumes) keepsPromises(plugin, subject, here);
});

describe("block drivers keep what their kind promises", () => {
  keepsPromises(blockPci, { guestLocator: "02/01" });
  keepsPromises(blockMmio, { guestLocator: "/dev/vda" });
  keepsPromises(blockScsi, { guestLocator: "0:1" });
});
