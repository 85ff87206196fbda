import { Scope } from "./address.js";
import { assertPrefix } from "./address-codec.js";
import { AttributeWriter, Attributes } from "./attributes.js";
import { netlinkErrors } from "./errors.js";
import { familyNumber, familyOf, formatIpAddress, type IpFamily, parseIpAddress } from "./ip-address.js";
import { type NewRoute, type NextHop, type Route, RouteFlag, RouteProtocol, RouteTable, RouteType } from "./route.js";

/** Bytes of a `struct rtmsg` and of a `struct rtnexthop`. */
const headerBytes = 12;
const hopBytes = 8;

/** `RTA_*`, linux/rtnetlink.h. */
const attribute = {
  destination: 1,
  link: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  metrics: 8,
  multipath: 9,
  table: 15,
  via: 18,
} as const;
const mtuMetric = 2;
const align = (length: number): number => (length + 3) & ~3;

/** Asks for the routes of all families, of all tables or of one. */
export function encodeRouteQuery(table?: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  if (table === undefined) return bytes;
  bytes.writeUInt8(table > 255 ? 0 : table, 4);
  return Buffer.concat([bytes, new AttributeWriter().u32(attribute.table, table).finish()]);
}

/** What `RTM_NEWROUTE` takes. */
export function encodeNewRoute(route: NewRoute): Buffer {
  const { family, gateway } = route;
  return encodeRoute({ protocol: RouteProtocol.boot, scope: defaultScope(family, gateway), ...route });
}

/** What `RTM_DELROUTE` takes: what is absent may be anything. */
export const encodeRouteRemoval = (route: NewRoute): Buffer =>
  encodeRoute({ protocol: RouteProtocol.any, scope: Scope.nowhere, ...route });

function encodeRoute(route: NewRoute & Required<Pick<NewRoute, "protocol" | "scope">>): Buffer {
  const { family, destination, gateway, source, link, onLink = false } = route;
  const table = route.table ?? RouteTable.main;
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt8(familyNumber[family], 0);
  bytes.writeUInt8(destination === undefined ? 0 : assertPrefix(family, destination.prefix), 1);
  bytes.writeUInt8(table > 255 ? 0 : table, 4);
  bytes.writeUInt8(route.protocol, 5);
  bytes.writeUInt8(route.scope, 6);
  bytes.writeUInt8(RouteType.unicast, 7);
  bytes.writeUInt32LE(onLink ? RouteFlag.onLink : 0, 8);
  const attributes = new AttributeWriter().u32(attribute.table, table).u32(attribute.link, link);
  if (destination !== undefined) attributes.bytes(attribute.destination, parseIpAddress(family, destination.address));
  if (gateway !== undefined) writeGateway(attributes, family, gateway);
  if (source !== undefined) attributes.bytes(attribute.preferredSource, parseIpAddress(family, source));
  if (route.priority !== undefined) attributes.u32(attribute.priority, route.priority);
  const { mtu } = route;
  if (mtu !== undefined) attributes.nested(attribute.metrics, (metrics) => metrics.u32(mtuMetric, mtu));
  return Buffer.concat([bytes, attributes.finish()]);
}

/** The scope of a route for which none is said: of IPv4, those without a gateway end on the link; IPv6 has no such notion. */
export const defaultScope = (family: IpFamily, gateway: string | undefined): number =>
  family === "ipv4" && gateway === undefined ? Scope.link : Scope.universe;

function writeGateway(attributes: AttributeWriter, family: IpFamily, gateway: string): void {
  if (family === "ipv6" || !gateway.includes(":")) {
    attributes.bytes(attribute.gateway, parseIpAddress(family, gateway));
    return;
  }
  const via = Buffer.concat([Buffer.alloc(2), parseIpAddress("ipv6", gateway)]);
  via.writeUInt16LE(familyNumber.ipv6, 0);
  attributes.bytes(attribute.via, via);
}

/** Reads a route; undefined for one that is not of IP. */
export function parseRoute(payload: Buffer): Route | undefined {
  if (payload.length < headerBytes) {
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `a route of ${payload.length} bytes` });
  }
  const family = familyOf(payload.readUInt8(0));
  if (family === undefined) return undefined;
  const attributes = Attributes.parse(payload.subarray(headerBytes));
  const destination = attributes.bytes(attribute.destination);
  const source = attributes.bytes(attribute.preferredSource);
  const mtu = attributes.nested(attribute.metrics)?.u32(mtuMetric);
  return {
    family,
    ...(destination !== undefined && {
      destination: { address: formatIpAddress(family, destination), prefix: payload.readUInt8(1) },
    }),
    hops: parseHops(family, payload, attributes),
    ...(source !== undefined && { source: formatIpAddress(family, source) }),
    priority: attributes.u32(attribute.priority) ?? 0,
    table: attributes.u32(attribute.table) ?? payload.readUInt8(4),
    protocol: payload.readUInt8(5),
    scope: payload.readUInt8(6),
    type: payload.readUInt8(7),
    ...(mtu !== undefined && { mtu }),
  };
}

function parseHops(family: IpFamily, payload: Buffer, attributes: Attributes): NextHop[] {
  const several = attributes.bytes(attribute.multipath);
  if (several === undefined) {
    const gateway = parseGateway(family, attributes);
    const flags = payload.readUInt32LE(8);
    return [{ link: attributes.u32(attribute.link) ?? 0, ...(gateway !== undefined && { gateway }), flags }];
  }
  const hops: NextHop[] = [];
  for (let at = 0; several.length - at >= hopBytes; ) {
    const length = several.readUInt16LE(at);
    if (length < hopBytes || length > several.length - at) {
      throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `a next hop of ${length} bytes` });
    }
    const gateway = parseGateway(family, Attributes.parse(several.subarray(at + hopBytes, at + length)));
    const flags = several.readUInt8(at + 2);
    hops.push({ link: several.readInt32LE(at + 4), ...(gateway !== undefined && { gateway }), flags });
    at += align(length);
  }
  return hops;
}

function parseGateway(family: IpFamily, attributes: Attributes): string | undefined {
  const gateway = attributes.bytes(attribute.gateway);
  if (gateway !== undefined) return formatIpAddress(family, gateway);
  const via = attributes.bytes(attribute.via);
  if (via === undefined || via.length < 2) return undefined;
  const viaFamily = familyOf(via.readUInt16LE(0));
  return viaFamily && formatIpAddress(viaFamily, via.subarray(2));
}
