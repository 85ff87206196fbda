import type { LinkInfo } from "../contracts/endpoint.js";
import type { GuestAddressing, GuestNeighbor, GuestRoute } from "../contracts/guest.js";
import type { Rtnetlink } from "../sys/netlink.js";
import { type LinkAddress, Scope } from "../sys/netlink/address.js";
import { addressBits, networkOf } from "../sys/netlink/ip-address.js";
import { type Link, LinkFlag } from "../sys/netlink/link.js";
import { NeighborState } from "../sys/netlink/neighbor.js";
import { type Route, RouteFlag, RouteProtocol, RouteTable, RouteType } from "../sys/netlink/route.js";
import { networkErrors } from "./errors.js";
import { leastMtu, mostMtu } from "./mtu.js";
import { pciAddressOf } from "./pci-address.js";
import type { PodNetworkState } from "./pod-network-source.js";

/** What is read of a namespace, as the kernel has it. */
interface Found {
  readonly link: Link;
  readonly addresses: readonly LinkAddress[];
}

/** Links that the runtime makes itself, beside those of the pod. */
const ownLink = /^(?:tap|ifb)\d+_kata$/;

/** The name of the link that a model makes for the endpoint of that number; one that `scanPod` passes over. */
export const tapName = (index: number): string => `tap${index}_kata`;

/**
 * Reads what the guest shall have: links with an address, and what goes through them. A link without addresses is nobody's
 * (`sit0` and its like), the loopback the guest has itself, and its link-local IPv6 addresses it makes.
 */
export function scanPod(route: Rtnetlink, namespace: string): PodNetworkState {
  const addresses = route.addresses();
  const found = route
    .links()
    .filter(({ flags, name }) => (flags & LinkFlag.loopback) === 0 && !ownLink.test(name))
    .map((link) => ({ link, addresses: addresses.filter((one) => one.link === link.index && isForGuest(one)) }))
    .filter((one) => one.addresses.length > 0);
  assertDistinct(found, namespace);
  const routes = route.routes(RouteTable.main);
  const names = new Map(found.map(({ link }) => [link.index, link.name]));
  return {
    links: found.map((one) => linkInfo(one, routes)),
    routes: [...found.flatMap(peerRoutes), ...guestRoutes(routes, names)],
    neighbors: route
      .neighbors()
      .flatMap(({ link, family, address, hardwareAddress, state, flags }): GuestNeighbor[] => {
        const device = names.get(link);
        if (device === undefined || hardwareAddress === undefined || state !== NeighborState.permanent) return [];
        return [{ address: { family, address, prefix: addressBits(family) }, device, hardwareAddress, state, flags }];
      }),
  };
}

const isForGuest = ({ family, scope }: LinkAddress): boolean => family === "ipv4" || scope !== Scope.link;

function linkInfo({ link, addresses }: Found, routes: readonly Route[]): LinkInfo {
  const { name, index, mtu, hardwareAddress, flags, details, device, alias } = link;
  assertMtu(link);
  const pciAddress = device && pciAddressOf(device);
  return {
    name,
    index,
    kind: link.kind ?? (pciAddress === undefined ? "device" : "physical"),
    hardwareAddress,
    mtu,
    flags,
    details,
    ...(pciAddress !== undefined && { pciAddress }),
    ...(alias !== undefined && { alias }),
    guest: {
      device: name,
      name,
      addresses: distinct(
        addresses.map((one) => guestAddress(one, (flags & LinkFlag.up) === 0 || isOnLink(one, routes))),
      ),
      mtu,
      hardwareAddress,
      ...((flags & LinkFlag.noArp) !== 0 && { flags: LinkFlag.noArp }),
    },
  };
}

function assertMtu({ name, mtu }: Link): void {
  if (mtu < leastMtu || mtu > mostMtu) {
    throw networkErrors.KATA_NETWORK_MTU({ link: name, mtu, least: leastMtu, most: mostMtu });
  }
}

/**
 * An address whose network is not on the link, because it has a peer, or somebody (CNI's `ptp`) has removed the route that
 * the kernel made of it, is told as if it were alone there: the guest's kernel would make that route again.
 */
const guestAddress = ({ family, address, prefix, peer }: LinkAddress, onLink: boolean): GuestAddressing => ({
  family,
  address,
  prefix: peer === undefined && onLink ? prefix : addressBits(family),
});

/** Each once: an address with several peers is there with each of them. */
const distinct = (addresses: readonly GuestAddressing[]): GuestAddressing[] =>
  addresses.filter(
    ({ address, prefix }, index) =>
      addresses.findIndex((one) => one.address === address && one.prefix === prefix) === index,
  );

/** Whether the kernel's own route to an address's network is there. */
function isOnLink({ link, family, address, prefix }: LinkAddress, routes: readonly Route[]): boolean {
  const network = networkOf(family, address, prefix);
  return routes.some(
    ({ protocol, destination, hops }) =>
      protocol === RouteProtocol.kernel &&
      destination?.address === network &&
      destination.prefix === prefix &&
      hops.some((hop) => hop.link === link),
  );
}

const peerRoutes = ({ link, addresses }: Found): GuestRoute[] =>
  addresses.flatMap(({ family, address, peer, prefix }): GuestRoute[] =>
    peer === undefined
      ? []
      : [{ destination: `${peer}/${prefix}`, device: link.name, source: address, scope: Scope.link, family }],
  );

/** Routes of the main table through the links; what the kernel made of addresses, the guest's does again. */
function guestRoutes(routes: readonly Route[], names: ReadonlyMap<number, string>): GuestRoute[] {
  const own = routes.filter(
    ({ table, type, protocol, hops }) =>
      table === RouteTable.main &&
      type === RouteType.unicast &&
      protocol !== RouteProtocol.kernel &&
      hops.some(({ link }) => names.has(link)),
  );
  return best(own).flatMap((one) => guestRoute(one, names));
}

/** Of routes to the same destination the guest has the best alone: it is told no priorities. */
function best(routes: readonly Route[]): Route[] {
  const found = new Map<string, Route>();
  for (const route of routes) {
    const to = `${route.family} ${destinationText(route)}`;
    if (route.priority < (found.get(to)?.priority ?? Number.POSITIVE_INFINITY)) found.set(to, route);
  }
  return [...found.values()];
}

/** Empty for the default route. */
const destinationText = ({ destination }: Pick<Route, "destination">): string =>
  destination === undefined ? "" : `${destination.address}/${destination.prefix}`;

function guestRoute(route: Route, names: ReadonlyMap<number, string>): GuestRoute[] {
  const { family, hops, source, scope, mtu } = route;
  const hop = hops.find(({ link }) => names.has(link));
  const device = hop && names.get(hop.link);
  if (hop === undefined || device === undefined) return [];
  return [
    {
      destination: destinationText(route),
      ...(hop.gateway !== undefined && { gateway: hop.gateway }),
      device,
      ...(source !== undefined && { source }),
      scope,
      family,
      flags: hop.flags & RouteFlag.onLink,
      ...(mtu !== undefined && { mtu }),
    },
  ];
}

/** Two links with the same address would answer each for the other in the guest. */
function assertDistinct(found: readonly Found[], namespace: string): void {
  const seen = new Map<string, string>();
  for (const { link, addresses } of found) {
    for (const { address, peer } of addresses) {
      const first = seen.get(address);
      if (first !== undefined && first !== link.name && peer === undefined) {
        throw networkErrors.KATA_NETWORK_DUPLICATE({ address, first, second: link.name, namespace });
      }
      seen.set(address, link.name);
    }
  }
}
