import type { LinkAddress, NewAddress } from "./address.js";
import { AttributeWriter, Attributes } from "./attributes.js";
import { netlinkErrors } from "./errors.js";
import { addressBits, familyNumber, familyOf, formatIpAddress, type IpFamily, parseIpAddress } from "./ip-address.js";

/** Bytes of a `struct ifaddrmsg`. */
const headerBytes = 8;

/** `IFA_*`, linux/if_addr.h. */
const attribute = { address: 1, local: 2, broadcast: 4, flags: 8 } as const;

/** `KATA_NETLINK_VALUE` for a prefix that is longer than the family's addresses. */
export function assertPrefix(family: IpFamily, prefix: number): number {
  const bits = addressBits(family);
  if (Number.isInteger(prefix) && prefix >= 0 && prefix <= bits) return prefix;
  const why = `${family} has 0 to ${bits} bits`;
  throw netlinkErrors.KATA_NETLINK_VALUE({ what: `the prefix length ${prefix}`, why });
}

/** Asks for all addresses, of one link if given. */
export function encodeAddressQuery(link = 0): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt32LE(link, 4);
  return bytes;
}

/** What `RTM_NEWADDR` and `RTM_DELADDR` take. */
export function encodeAddress(address: NewAddress): Buffer {
  const { family, link, prefix, scope = 0, flags = 0 } = address;
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt8(familyNumber[family], 0);
  bytes.writeUInt8(assertPrefix(family, prefix), 1);
  bytes.writeUInt8(flags & 0xff, 2);
  bytes.writeUInt8(scope, 3);
  bytes.writeUInt32LE(link, 4);
  const local = parseIpAddress(family, address.address);
  const other = address.peer === undefined ? local : parseIpAddress(family, address.peer);
  const attributes = new AttributeWriter().bytes(attribute.local, local).bytes(attribute.address, other);
  if (address.broadcast !== undefined) attributes.bytes(attribute.broadcast, parseIpAddress(family, address.broadcast));
  if (flags > 0xff) attributes.u32(attribute.flags, flags);
  return Buffer.concat([bytes, attributes.finish()]);
}

/** Reads an address; undefined for one of a family that is not IP. */
export function parseAddress(payload: Buffer): LinkAddress | undefined {
  if (payload.length < headerBytes) {
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `an address of ${payload.length} bytes` });
  }
  const family = familyOf(payload.readUInt8(0));
  if (family === undefined) return undefined;
  const attributes = Attributes.parse(payload.subarray(headerBytes));
  const other = attributes.bytes(attribute.address);
  const local = attributes.bytes(attribute.local) ?? other;
  if (local === undefined) throw netlinkErrors.KATA_NETLINK_BROKEN({ why: "an address entry without an address" });
  const broadcast = attributes.bytes(attribute.broadcast);
  return {
    link: payload.readUInt32LE(4),
    family,
    address: formatIpAddress(family, local),
    prefix: payload.readUInt8(1),
    ...(other !== undefined && !other.equals(local) && { peer: formatIpAddress(family, other) }),
    ...(broadcast !== undefined && { broadcast: formatIpAddress(family, broadcast) }),
    scope: payload.readUInt8(3),
    flags: attributes.u32(attribute.flags) ?? payload.readUInt8(2),
  };
}
