import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plugin as ipvlan } from "../../../src/plugins/endpoints/ipvlan/index.js";
import { plugin as macvlan } from "../../../src/plugins/endpoints/macvlan/index.js";
import { plugin as macvtap } from "../../../src/plugins/endpoints/macvtap/index.js";
import { plugin as physical } from "../../../src/plugins/endpoints/physical/index.js";
import { plugin as tap } from "../../../src/plugins/endpoints/tap/index.js";
import { plugin as tuntap } from "../../../src/plugins/endpoints/tuntap/index.js";
import { plugin as veth } from "../../../src/plugins/endpoints/veth/index.js";
import { plugin as vhostUser } from "../../../src/plugins/endpoints/vhost-user/index.js";
import { plugin as vlan } from "../../../src/plugins/endpoints/vlan/index.js";
import { linkInfo, type Place } from "../../../src/testing/index.js";
import type { Held } from "./held.js";

const tun = { type: "tap", persistent: true, multiQueue: false } as const;
const freeTap = linkInfo({ kind: "tun", details: { tun } });
const heldTap = linkInfo({ kind: "tun", details: { tun }, flags: 0x10001 });

const pciAddresses = ["0000:3b:00.1", "0000:3b:00.2"];
const physicalLinks = pciAddresses.map((pciAddress, at) =>
  linkInfo({ kind: "physical", pciAddress, name: `eth${at}`, hardwareAddress: `02:00:00:00:00:5${at}` }),
);

/** A device that an IOMMU keeps for itself, with its driver. */
function arrangeDevice(bus: string, address: string): void {
  const [device, group] = [join(bus, "devices", address), join(bus, "groups", address)];
  for (const path of [device, join(group, "devices", address)]) mkdirSync(path, { recursive: true });
  writeFileSync(join(device, "class"), "0x020000\n");
  symlinkSync(join(bus, "drivers/ixgbe"), join(device, "driver"));
  symlinkSync(group, join(device, "iommu_group"));
  // They are there from the beginning, as the kernel's are.
  writeFileSync(join(device, "driver_override"), "(null)\n");
}

/** A bus with the devices of the pod's links. */
function arrangeDevices({ directory, sys }: Place): void {
  const bus = join(directory, "sys/bus/pci");
  for (const driver of ["ixgbe", "vfio-pci"]) {
    mkdirSync(join(bus, "drivers", driver), { recursive: true });
    writeFileSync(join(bus, "drivers", driver, "unbind"), "");
  }
  writeFileSync(join(bus, "drivers_probe"), "");
  const namespace = join(directory, "netns");
  sys.namespaces.createNetworkNamespace(namespace);
  // Where a driver makes its link again.
  sys.network.namespace("/proc/1/ns/net");
  const { links } = sys.network.namespace(namespace);
  for (const { name, pciAddress = "" } of physicalLinks) {
    arrangeDevice(bus, pciAddress);
    const at = links.findIndex((link) => link.name === name);
    const link = links[at];
    if (link !== undefined) links[at] = { ...link, device: { bus: "pci", name: pciAddress } };
  }
}

const plain = [veth, ipvlan, macvlan, vlan];
const ofOneKind = plain.map((plugin): Held<"endpoint"> => {
  const others = plain.map(({ name }) => name).filter((name) => name !== plugin.name);
  const leaves = others.map((kind) => linkInfo({ kind }));
  return { plugin, subject: { takes: [linkInfo({ kind: plugin.name })], leaves } };
});

const vhostUserSocket = "/run/switch/port";

/** All built-in endpoints. */
export const endpoints: readonly Held<"endpoint">[] = [
  ...ofOneKind,
  { plugin: macvtap, subject: { takes: [linkInfo({ kind: "macvtap" })], leaves: [freeTap] } },
  { plugin: tap, subject: { takes: [freeTap], leaves: [heldTap, linkInfo()] } },
  { plugin: tuntap, subject: { takes: [heldTap], leaves: [freeTap, linkInfo()] } },
  {
    plugin: physical,
    subject: {
      arrange: arrangeDevices,
      takes: physicalLinks,
      leaves: [linkInfo(), linkInfo({ kind: "device" })],
    },
  },
  { plugin: vhostUser, subject: { takes: [linkInfo({ kind: "vhost-user", vhostUserSocket })] } },
];
