import { AttributeWriter, Attributes } from "./attributes.js";
import { netlinkErrors } from "./errors.js";
import { formatHardwareAddress, parseHardwareAddress } from "./hardware-address.js";
import { familyNumber, familyOf, formatIpAddress, parseIpAddress } from "./ip-address.js";
import type { Neighbor } from "./neighbor.js";

/** Bytes of a `struct ndmsg`. */
const headerBytes = 12;

/** `NDA_*`, linux/neighbour.h. */
const attribute = { destination: 1, hardwareAddress: 2 } as const;

/** Asks for all neighbours. */
export const encodeNeighborQuery = (): Buffer => Buffer.alloc(headerBytes);

/** What `RTM_NEWNEIGH` and `RTM_DELNEIGH` take. */
export function encodeNeighbor(neighbor: Neighbor): Buffer {
  const { family, link, state, flags, hardwareAddress } = neighbor;
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt8(familyNumber[family], 0);
  bytes.writeInt32LE(link, 4);
  bytes.writeUInt16LE(state, 8);
  bytes.writeUInt8(flags, 10);
  const attributes = new AttributeWriter().bytes(attribute.destination, parseIpAddress(family, neighbor.address));
  if (hardwareAddress !== undefined) attributes.bytes(attribute.hardwareAddress, parseHardwareAddress(hardwareAddress));
  return Buffer.concat([bytes, attributes.finish()]);
}

/** Reads a neighbour; undefined for one that is not of IP. */
export function parseNeighbor(payload: Buffer): Neighbor | undefined {
  if (payload.length < headerBytes) {
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `a neighbour of ${payload.length} bytes` });
  }
  const family = familyOf(payload.readUInt8(0));
  if (family === undefined) return undefined;
  const attributes = Attributes.parse(payload.subarray(headerBytes));
  const address = attributes.bytes(attribute.destination);
  if (address === undefined) return undefined;
  const hardwareAddress = attributes.bytes(attribute.hardwareAddress);
  return {
    link: payload.readInt32LE(4),
    family,
    address: formatIpAddress(family, address),
    ...(hardwareAddress !== undefined && { hardwareAddress: formatHardwareAddress(hardwareAddress) }),
    state: payload.readUInt16LE(8),
    flags: payload.readUInt8(10),
  };
}
