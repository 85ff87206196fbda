import { plugin as ipvlan } from "../../../../src/plugins/endpoints/ipvlan/index.js";
import { plugin as macvlan } from "../../../../src/plugins/endpoints/macvlan/index.js";
import { plugin as macvtap } from "../../../../src/plugins/endpoints/macvtap/index.js";
import { plugin as macvtapModel } from "../../../../src/plugins/endpoints/network-models/macvtap/index.js";
import { plugin as none } from "../../../../src/plugins/endpoints/network-models/none/index.js";
import { plugin as tcfilter } from "../../../../src/plugins/endpoints/network-models/tcfilter/index.js";
import { plugin as tap } from "../../../../src/plugins/endpoints/tap/index.js";
import { plugin as tuntap } from "../../../../src/plugins/endpoints/tuntap/index.js";
import { plugin as veth } from "../../../../src/plugins/endpoints/veth/index.js";
import { plugin as vhostUser } from "../../../../src/plugins/endpoints/vhost-user/index.js";
import { plugin as vlan } from "../../../../src/plugins/endpoints/vlan/index.js";
import { linkInfo } from "../../../../src/testing/index.js";
import { keepsPromises } from "../../../support/keeps-promises.js";

const tun = { type: "tap", persistent: true, multiQueue: false } as const;
const freeTap = linkInfo({ kind: "tun", details: { tun } });
const heldTap = linkInfo({ kind: "tun", details: { tun }, flags: 0x10001 });

describe("endpoints keep what their kind promises", () => {
  for (const plugin of [veth, ipvlan, macvlan, vlan]) {
    const others = ["veth", "ipvlan", "macvlan", "vlan"].filter((kind) => kind !== plugin.name);
    const leaves = others.map((kind) => linkInfo({ kind }));
    keepsPromises(plugin, { takes: [linkInfo({ kind: plugin.name })], leaves });
  }
  keepsPromises(macvtap, { takes: [linkInfo({ kind: "macvtap" })], leaves: [freeTap] });
  keepsPromises(tap, { takes: [freeTap], leaves: [heldTap, linkInfo()] });
  keepsPromises(tuntap, { takes: [heldTap], leaves: [freeTap, linkInfo()] });
  const vhostUserSocket = "/run/switch/port";
  keepsPromises(vhostUser, { takes: [linkInfo({ kind: "vhost-user", vhostUserSocket })] });
});

describe("network models keep what their kind promises", () => {
  for (const plugin of [tcfilter, macvtapModel, none]) keepsPromises(plugin, {});
});
