import type { ARPNeighbor } from "../../../src/core/proto/gen/kata/types.js";
import { parseHardwareAddress } from "../../../src/core/sys/netlink/hardware-address.js";
import { type Neighbor, NeighborState } from "../../../src/core/sys/netlink/neighbor.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors, badArgument } from "../errors.js";
import { checkAddress, checkBits } from "./fields.js";

/** Adds entries to the neighbour tables of the guest's links, or changes those that are there: none when one is refused. */
export function addNeighbors({ netlink }: Pick<Sys, "netlink">, wanted: readonly ARPNeighbor[]): void {
  const route = netlink.route();
  try {
    const links = new Map(route.links().map(({ name, index }) => [name, index]));
    for (const one of wanted.map((entry) => checkNeighbor(entry, links))) route.setNeighbor(one);
  } finally {
    route.close();
  }
}

function checkNeighbor(wanted: ARPNeighbor, links: ReadonlyMap<string, number>): Neighbor {
  const { toIPAddress, device, lladdr, state, flags } = wanted;
  const link = links.get(device);
  if (link === undefined) throw agentErrors.KATA_GUEST_LINK_UNKNOWN({ name: device, there: [...links.keys()] });
  if (toIPAddress === undefined) throw badArgument("toIPAddress", undefined, "an address");
  const { family, address } = checkAddress("a neighbour's address", toIPAddress);
  if (lladdr !== "") parseHardwareAddress(lladdr);
  return {
    link,
    family,
    address,
    ...(lladdr !== "" && { hardwareAddress: lladdr }),
    state: state === 0 ? NeighborState.permanent : checkBits("a neighbour's state", state, 16),
    flags: checkBits("a neighbour's flags", flags, 8),
  };
}
