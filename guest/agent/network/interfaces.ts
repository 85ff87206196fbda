import { setTimeout as pause } from "node:timers/promises";
import type { Interface } from "../../../src/core/proto/gen/kata/types.js";
import type { Rtnetlink } from "../../../src/core/sys/netlink.js";
import { AddressFlag, type LinkAddress, Scope } from "../../../src/core/sys/netlink/address.js";
import { parseHardwareAddress } from "../../../src/core/sys/netlink/hardware-address.js";
import { type Link, LinkFlag } from "../../../src/core/sys/netlink/link.js";
import { assertLinkName } from "../../../src/core/sys/netlink/link-codec.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors, badArgument } from "../errors.js";
import type { KernelModules } from "../machine/kernel-modules.js";
import { isPciPath } from "../machine/pci-path.js";
import type { AgentRoots } from "../roots.js";
import { type CheckedAddress, checkAddress, familyValue } from "./fields.js";
import { findCard } from "./find-card.js";

/** What is needed to set up interfaces. */
export interface InterfaceTools {
  readonly sys: Pick<Sys, "netlink">;
  readonly roots: Pick<AgentRoots, "sys">;
  readonly modules: Pick<KernelModules, "load">;
  /** Milliseconds a card may take to appear. */
  readonly hotplugTime: number;
}

const leastMtu = 68n;
const mostMtu = 65_535n;
const lookPause = 10;

/** The driver of the cards; nobody else loads it for one that is plugged in later. */
const cardDriver = "virtio_net";

/**
 * Makes a card what the host wants it to be: its name, size, flags and addresses, and sets it up. Waits for a card that was
 * just plugged in. Addresses that are not wanted are removed, the link's own of IPv6 stay.
 */
export async function updateInterface(tools: InterfaceTools, wanted: Interface): Promise<Interface> {
  const addresses = checkInterface(wanted);
  const route = tools.sys.netlink.route();
  try {
    const card = await waitForCard(tools, route, wanted);
    const { index } = card;
    takeName(route, card, wanted.name);
    const mtu = wanted.mtu > 0n ? Number(wanted.mtu) : card.mtu;
    const noArp = wanted.rawFlags & LinkFlag.noArp;
    // Before the addresses: the size decides whether there may be any of IPv6.
    const changes = mtu !== card.mtu || noArp !== (card.flags & LinkFlag.noArp);
    if (changes) route.changeLink(index, { mtu, arp: noArp === 0 });
    setAddresses(route, index, addresses);
    route.changeLink(index, { up: true });
    // Told as it was made: to look again would take as long as all of this.
    const flags = (card.flags & ~LinkFlag.noArp) | noArp | LinkFlag.up;
    return describe({ ...card, name: wanted.name, mtu, flags }, addresses);
  } finally {
    route.close();
  }
}

/** All links, as they are. */
export function listInterfaces({ netlink }: Pick<Sys, "netlink">): Interface[] {
  const route = netlink.route();
  try {
    const addresses = route.addresses();
    return route.links().map((link) =>
      describe(
        link,
        addresses.filter((one) => one.link === link.index),
      ),
    );
  } finally {
    route.close();
  }
}

function checkInterface({ name, mtu, hwAddr, devicePath, IPAddresses }: Interface): CheckedAddress[] {
  assertLinkName(name);
  if (mtu !== 0n && (mtu < leastMtu || mtu > mostMtu)) {
    throw badArgument(`the MTU of "${name}"`, mtu, `${leastMtu} to ${mostMtu}`);
  }
  if (devicePath === "") parseHardwareAddress(hwAddr);
  else if (!isPciPath(devicePath)) throw badArgument("devicePath", devicePath, "a path of PCI slots");
  const addresses = IPAddresses.map((one) => checkAddress(`an address of "${name}"`, one));
  const texts = addresses.map(textOf);
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (twice !== undefined) throw badArgument(`the addresses of "${name}"`, twice, "each there once");
  return addresses;
}

/** What a link can have once: of IPv4 an address and its prefix, of IPv6 an address. */
const textOf = ({ family, address, prefix }: CheckedAddress): string =>
  family === "ipv4" ? `${address}/${prefix}` : address;

async function waitForCard(tools: InterfaceTools, route: Rtnetlink, wanted: Interface): Promise<Link> {
  const { roots, modules, hotplugTime: ms } = tools;
  const deadline = performance.now() + ms;
  let cause: unknown;
  for (let looks = 0; ; looks++, await pause(lookPause)) {
    const card = findCard(roots, route, wanted);
    if (card !== undefined) return card;
    // A kernel that has the driver built in needs no module, so that there is none may be no reason.
    if (looks === 0) await modules.load(cardDriver, []).catch((error: unknown) => (cause = error));
    if (performance.now() < deadline) continue;
    const { name, hwAddr, devicePath } = wanted;
    const there = route.links().map((link) => `${link.name} (${link.hardwareAddress || "without address"})`);
    const what = devicePath === "" ? hwAddr : `${hwAddr} at ${devicePath}`;
    throw agentErrors.KATA_GUEST_CARD_ABSENT({ name, wanted: what, there, ms }, { cause });
  }
}

/** Gives the card its name; another link that has it gets the card's in exchange. */
function takeName(route: Rtnetlink, card: Link, name: string): void {
  if (card.name === name) return;
  const other = route.link(name);
  if (other === undefined) return rename(route, card.index, name);
  const addresses = route.addresses(other.index);
  rename(route, other.index, `swap${other.index}`);
  rename(route, card.index, name);
  rename(route, other.index, card.name);
  if ((other.flags & LinkFlag.up) === 0) return;
  route.changeLink(other.index, { up: true });
  // A link that goes down loses its addresses of IPv6.
  const left = route.addresses(other.index);
  for (const one of addresses)
    if (!isLinkLocal(one) && !left.some((still) => isSame(still, one))) route.addAddress(one);
}

/** The name of a link that is up cannot be changed. */
function rename(route: Rtnetlink, index: number, name: string): void {
  route.changeLink(index, { up: false });
  route.changeLink(index, { name });
}

/** An address of IPv6 that the kernel makes of a link's own accord. */
const isLinkLocal = ({ family, scope }: LinkAddress): boolean => family === "ipv6" && scope === Scope.link;

const isSame = (
  one: Pick<LinkAddress, "address" | "prefix">,
  other: Pick<LinkAddress, "address" | "prefix">,
): boolean => one.address === other.address && one.prefix === other.prefix;

function setAddresses(route: Rtnetlink, link: number, wanted: readonly CheckedAddress[]): void {
  const there = route.addresses(link);
  const unwanted = there.filter((one) => !isLinkLocal(one) && !wanted.some((other) => isSame(one, other)));
  for (const one of unwanted) removeAddress(route, one);
  // With the first address of a network the kernel removes the others of it.
  const left = unwanted.length === 0 ? there : route.addresses(link);
  for (const one of wanted.filter((other) => !left.some((still) => isSame(still, other)))) {
    const { family, address, prefix } = one;
    // The host has seen to it that nobody else has the address: it shall be usable at once.
    route.addAddress({ link, family, address, prefix, flags: family === "ipv6" ? AddressFlag.noDuplicateCheck : 0 });
  }
}

function removeAddress(route: Rtnetlink, one: LinkAddress): void {
  try {
    route.removeAddress(one);
  } catch (error) {
    // it went with the first address of its network
    if (errnoNameOf(error) !== "EADDRNOTAVAIL") throw error;
  }
}

function describe(link: Link, addresses: readonly CheckedAddress[]): Interface {
  return {
    device: link.name,
    name: link.name,
    IPAddresses: addresses.map(({ family, address, prefix }) => ({
      family: familyValue(family),
      address,
      mask: String(prefix),
    })),
    mtu: BigInt(link.mtu),
    hwAddr: link.hardwareAddress,
    devicePath: "",
    type: link.kind ?? "",
    rawFlags: link.flags,
  };
}
