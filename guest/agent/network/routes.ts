import type { Route as WireRoute } from "../../../src/core/proto/gen/kata/types.js";
import type { Rtnetlink } from "../../../src/core/sys/netlink.js";
import { Scope } from "../../../src/core/sys/netlink/address.js";
import { type Link, LinkFlag } from "../../../src/core/sys/netlink/link.js";
import { defaultScope } from "../../../src/core/sys/netlink/route-codec.js";
import {
  type NewRoute,
  type Route,
  RouteFlag,
  RouteProtocol,
  RouteTable,
  RouteType,
} from "../../../src/core/sys/netlink/route.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors, badArgument } from "../errors.js";
import { checkBits, checkDestination, familyName, familyOfText, familyValue } from "./fields.js";

/** What the host is told of a route. */
type RouteTold = Pick<Route, "family" | "destination" | "hops" | "source" | "scope" | "mtu">;

/**
 * Makes the routes of the main table those that the host wants, and answers what there is then. What the kernel makes of
 * addresses, and what goes through the loopback, stays. Routes that end on a link come first: gateways are behind them.
 * One that cannot be is an error, once the others are there. What was made is told as the kernel makes it: to look again would
 * take as long as all of this.
 */
export function updateRoutes({ netlink }: Pick<Sys, "netlink">, wanted: readonly WireRoute[]): WireRoute[] {
  const route = netlink.route();
  try {
    const links = route.links();
    const indices = new Map(links.map(({ name, index }) => [name, index]));
    const checked = wanted.map((one) => checkRoute(one, indices));
    const there = unicastRoutes(route);
    const old = hostRoutes(there, links);
    for (const one of old) removeRoute(route, one);
    const added = addRoutes(
      route,
      checked.toSorted((a, b) => rank(a) - rank(b)),
    );
    const left = there.filter((one) => !old.includes(one));
    return describeRoutes([...left, ...added.map(asMade)], links);
  } finally {
    route.close();
  }
}

/** The routes of the main table, as they are. */
export function listRoutes({ netlink }: Pick<Sys, "netlink">): WireRoute[] {
  const route = netlink.route();
  try {
    return describeRoutes(unicastRoutes(route), route.links());
  } finally {
    route.close();
  }
}

const rank = ({ gateway, onLink = false }: NewRoute): number => (gateway === undefined ? 0 : onLink ? 1 : 2);

/** Those of some routes that are the host's to say. */
function hostRoutes(routes: readonly Route[], links: readonly Link[]): Route[] {
  const loopback = links.filter(({ flags }) => (flags & LinkFlag.loopback) !== 0);
  const isLoopback = (link: number) => loopback.some(({ index }) => index === link);
  return routes.filter(
    ({ protocol, hops }) => protocol !== RouteProtocol.kernel && !hops.some(({ link }) => isLoopback(link)),
  );
}

const unicastRoutes = (route: Rtnetlink): Route[] =>
  route.routes(RouteTable.main).filter(({ type }) => type === RouteType.unicast);

function removeRoute(route: Rtnetlink, { family, destination, hops, priority }: Route): void {
  for (const { link } of hops) {
    const gone = { family, link, priority, ...(destination !== undefined && { destination }) };
    try {
      route.removeRoute(gone);
    } catch (error) {
      // a route of several ways goes as a whole
      if (errnoNameOf(error) !== "ESRCH") throw error;
    }
  }
}

/** Adds routes; those that were not there. */
function addRoutes(route: Rtnetlink, wanted: readonly NewRoute[]): NewRoute[] {
  const added: NewRoute[] = [];
  const failed: { readonly one: NewRoute; readonly cause: unknown }[] = [];
  for (const one of wanted) {
    try {
      route.addRoute(one);
      added.push(one);
    } catch (cause) {
      // the kernel has made it already, of an address
      if (errnoNameOf(cause) !== "EEXIST") failed.push({ one, cause });
    }
  }
  const [first] = failed;
  if (first === undefined) return added;
  throw agentErrors.KATA_GUEST_ROUTE({ routes: failed.map(({ one }) => inWords(one)) }, { cause: first.cause });
}

/** What the kernel makes of a route. */
function asMade({ link, gateway, onLink = false, ...rest }: NewRoute): RouteTold {
  const scope = defaultScope(rest.family, gateway);
  const flags = onLink ? RouteFlag.onLink : 0;
  return { scope, ...rest, hops: [{ link, flags, ...(gateway !== undefined && { gateway }) }] };
}

function inWords({ destination, gateway }: NewRoute): string {
  const to = destination === undefined ? "default" : `${destination.address}/${destination.prefix}`;
  return gateway === undefined ? to : `${to} via ${gateway}`;
}

function checkRoute(wanted: WireRoute, links: ReadonlyMap<string, number>): NewRoute {
  const { dest, gateway, device, source, scope, flags, mtu } = wanted;
  const link = links.get(device);
  if (link === undefined) throw agentErrors.KATA_GUEST_LINK_UNKNOWN({ name: device, there: [...links.keys()] });
  const destination = checkDestination("a route's destination", dest);
  const gatewayFamily = gateway === "" ? undefined : familyOfText("a route's gateway", gateway);
  // An IPv4 route may have a gateway of IPv6, so the destination decides where there is one.
  const family = destination?.family ?? gatewayFamily ?? familyName(wanted.family);
  if (source !== "" && familyOfText("a route's source", source) !== family) {
    throw badArgument("a route's source", source, `an address of ${family}`);
  }
  if (gatewayFamily === "ipv4" && family === "ipv6") throw badArgument("a route's gateway", gateway, "of IPv6");
  return {
    family,
    link,
    ...(destination !== undefined && destination.prefix > 0 && { destination }),
    ...(gateway !== "" && { gateway }),
    ...(source !== "" && { source }),
    ...(scope !== Scope.universe && { scope: checkBits("a route's scope", scope, 8) }),
    onLink: (flags & RouteFlag.onLink) !== 0,
    ...(mtu > 0 && { mtu }),
  };
}

function describeRoutes(routes: readonly RouteTold[], links: readonly Link[]): WireRoute[] {
  const names = new Map(links.map(({ name, index }) => [index, name]));
  return routes.flatMap(({ family, destination, hops, source, scope, mtu }) =>
    hops.map(({ link, gateway, flags }) => ({
      dest: destination === undefined ? "" : `${destination.address}/${destination.prefix}`,
      gateway: gateway ?? "",
      device: names.get(link) ?? "",
      source: source ?? "",
      scope,
      family: familyValue(family),
      flags,
      mtu: mtu ?? 0,
    })),
  );
}
