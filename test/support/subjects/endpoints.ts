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

const pciAddress = "0000:3b:00.1";

/** A device that an IOMMU keeps for itself, and that has been given to the driver for machines before. */
function arrangeDevice({ directory }: Place): void {
  const bus = join(directory, "sys/bus/pci");
  const [driver, device, group] = [
    join(bus, "drivers/vfio-pci"),
    join(bus, "devices", pciAddress),
    join(bus, "group7"),
  ];
  for (const path of [driver, device, join(group, "devices", pciAddress)]) mkdirSync(path, { recursive: true });
  writeFileSync(join(device, "class"), "0x020000\n");
  symlinkSync(driver, join(device, "driver"));
  symlinkSync(group, join(device, "iommu_group"));
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
  // That drivers let go of devices, and get them and their links back, is tried with real ones on the host machine.
  {
    plugin: physical,
    subject: {
      arrange: arrangeDevice,
      takes: [linkInfo({ kind: "physical", pciAddress })],
      leaves: [linkInfo(), linkInfo({ kind: "device" })],
    },
  },
  { plugin: vhostUser, subject: { takes: [linkInfo({ kind: "vhost-user", vhostUserSocket })] } },
];
