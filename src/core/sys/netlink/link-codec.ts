import { type Attributes, AttributeWriter, Attributes as AttributeReader } from "./attributes.js";
import { netlinkErrors } from "./errors.js";
import { formatHardwareAddress, parseHardwareAddress } from "./hardware-address.js";
import {
  type IpvlanMode,
  type Link,
  type LinkChange,
  type LinkDetails,
  LinkFlag,
  type LinkSpec,
  type MacvlanMode,
  type NewLink,
  type TunDetails,
} from "./link.js";

/** Bytes of a `struct ifinfomsg`. */
const headerBytes = 16;

/** `IFLA_*`, linux/if_link.h. */
const attribute = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  info: 18,
  alias: 20,
  namespaceFd: 28,
  extensions: 29,
  transmitQueues: 31,
  receiveQueues: 32,
  linkNamespaceId: 37,
  deviceName: 56,
  deviceBus: 57,
} as const;

/** `RTEXT_FILTER_SKIP_STATS`: counters, which nobody here reads, are the larger part of a link. */
const withoutCounters = 1 << 3;

/** `IFLA_INFO_*`, and what some kinds have in `IFLA_INFO_DATA`. */
const info = { kind: 1, data: 2 } as const;
const macvlanMode = 1;
const ipvlanMode = 1;
const vlanId = 1;
const vethPeer = 1;
const tun = { type: 3, persistent: 6, multiQueue: 7, queues: 8 } as const;
const tapType = 2;

const macvlanModes: readonly (readonly [MacvlanMode, number])[] = [
  ["private", 1],
  ["vepa", 2],
  ["bridge", 4],
  ["passthru", 8],
  ["source", 16],
];
const ipvlanModes: readonly IpvlanMode[] = ["l2", "l3", "l3s"];

/** Longest name in bytes: IFNAMSIZ with its zero byte. */
const longestName = 15;

function header(fields: { index?: number; flags?: number; change?: number } = {}): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeInt32LE(fields.index ?? 0, 4);
  bytes.writeUInt32LE(fields.flags ?? 0, 8);
  bytes.writeUInt32LE(fields.change ?? 0, 12);
  return bytes;
}

const join = (head: Uint8Array, attributes: AttributeWriter): Buffer => Buffer.concat([head, attributes.finish()]);

/** A name as the kernel takes it (`dev_valid_name`; of one with `%` it makes another); `KATA_NETLINK_VALUE` otherwise. */
export function assertLinkName(name: string): string {
  const bytes = Buffer.byteLength(name);
  const why =
    bytes === 0 || bytes > longestName
      ? `a link's name has 1 to ${longestName} bytes`
      : /[\s/:%\0]/.test(name) || name === "." || name === ".."
        ? "a link's name has no blanks, slashes, colons or percent signs"
        : undefined;
  if (why === undefined) return name;
  throw netlinkErrors.KATA_NETLINK_VALUE({ what: `the link name ${JSON.stringify(name)}`, why });
}

/** Asks for all links, or for one by index or name. */
export function encodeLinkQuery(which?: number | string): Buffer {
  const attributes = new AttributeWriter().u32(attribute.extensions, withoutCounters);
  if (typeof which !== "string") return join(header(which === undefined ? {} : { index: which }), attributes);
  return join(header(), attributes.text(attribute.name, assertLinkName(which)));
}

/** A new link: what `RTM_NEWLINK` takes. */
export function encodeNewLink(link: NewLink, spec: LinkSpec): Buffer {
  const attributes = commonAttributes(link);
  if ("parent" in spec) attributes.u32(attribute.link, spec.parent);
  attributes.nested(attribute.info, (inner) => {
    inner.text(info.kind, spec.kind);
    const data = kindData(spec);
    if (data !== undefined) inner.nested(info.data, data);
  });
  return join(header(), attributes);
}

function commonAttributes({ name, hardwareAddress, mtu, transmitQueues }: NewLink): AttributeWriter {
  const attributes = new AttributeWriter().text(attribute.name, assertLinkName(name));
  if (hardwareAddress !== undefined) attributes.bytes(attribute.address, parseHardwareAddress(hardwareAddress));
  if (mtu !== undefined) attributes.u32(attribute.mtu, mtu);
  if (transmitQueues !== undefined) {
    attributes.u32(attribute.transmitQueues, transmitQueues).u32(attribute.receiveQueues, transmitQueues);
  }
  return attributes;
}

function kindData(spec: LinkSpec): ((data: AttributeWriter) => void) | undefined {
  switch (spec.kind) {
    case "veth":
      return (data) => {
        const peer = commonAttributes(spec.peer);
        if (spec.peerNamespace !== undefined) peer.u32(attribute.namespaceFd, spec.peerNamespace);
        data.bytes(vethPeer, join(header(), peer));
      };
    case "vlan":
      return (data) => data.u16(vlanId, spec.id);
    case "macvlan":
    case "macvtap":
      return (data) => data.u32(macvlanMode, macvlanModes.find(([mode]) => mode === spec.mode)?.[1] ?? 0);
    case "ipvlan":
      return (data) => data.u16(ipvlanMode, ipvlanModes.indexOf(spec.mode));
    default:
      return undefined;
  }
}

/** A change of a link: what `RTM_NEWLINK` takes for one that is there. */
export function encodeLinkChange(index: number, change: LinkChange): Buffer {
  const attributes = new AttributeWriter();
  if (change.name !== undefined) attributes.text(attribute.name, assertLinkName(change.name));
  if (change.mtu !== undefined) attributes.u32(attribute.mtu, change.mtu);
  if (change.hardwareAddress !== undefined)
    attributes.bytes(attribute.address, parseHardwareAddress(change.hardwareAddress));
  if (change.master !== undefined) attributes.u32(attribute.master, change.master);
  if (change.alias !== undefined) attributes.text(attribute.alias, change.alias);
  if (change.namespace !== undefined) attributes.u32(attribute.namespaceFd, change.namespace);
  const flag = (on: boolean | undefined, bit: number) => ({
    set: on === true ? bit : 0,
    of: on === undefined ? 0 : bit,
  });
  const up = flag(change.up, LinkFlag.up);
  const noArp = flag(change.arp === undefined ? undefined : !change.arp, LinkFlag.noArp);
  return join(header({ index, flags: up.set | noArp.set, change: up.of | noArp.of }), attributes);
}

export const encodeLinkRemoval = (index: number): Buffer => header({ index });

/** Reads what `RTM_NEWLINK` says of a link. */
export function parseLink(payload: Buffer): Link {
  if (payload.length < headerBytes) {
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `a link of ${payload.length} bytes` });
  }
  const attributes = AttributeReader.parse(payload.subarray(headerBytes));
  const information = attributes.nested(attribute.info);
  const kind = information?.text(info.kind);
  const parent = attributes.u32(attribute.link);
  const master = attributes.u32(attribute.master);
  const alias = attributes.text(attribute.alias);
  const bus = attributes.text(attribute.deviceBus);
  const deviceName = attributes.text(attribute.deviceName);
  return {
    index: payload.readInt32LE(4),
    name: attributes.text(attribute.name) ?? "",
    ...(kind !== undefined && { kind }),
    hardwareType: payload.readUInt16LE(2),
    flags: payload.readUInt32LE(8),
    mtu: attributes.u32(attribute.mtu) ?? 0,
    hardwareAddress: formatHardwareAddress(attributes.bytes(attribute.address) ?? new Uint8Array()),
    ...(parent !== undefined && parent !== 0 && { parent }),
    parentElsewhere: attributes.has(attribute.linkNamespaceId),
    ...(master !== undefined && { master }),
    ...(alias !== undefined && { alias }),
    transmitQueues: attributes.u32(attribute.transmitQueues) ?? 1,
    ...(bus !== undefined && deviceName !== undefined && { device: { bus, name: deviceName } }),
    details: parseDetails(kind, information?.nested(info.data)),
  };
}

function parseDetails(kind: string | undefined, data: Attributes | undefined): LinkDetails {
  if (data === undefined) return {};
  switch (kind) {
    case "macvlan":
    case "macvtap": {
      const number = data.u32(macvlanMode);
      const mode = macvlanModes.find(([, value]) => value === number)?.[0];
      return mode === undefined ? {} : { macvlanMode: mode };
    }
    case "ipvlan": {
      const mode = ipvlanModes[data.u16(ipvlanMode) ?? 0];
      return mode === undefined ? {} : { ipvlanMode: mode };
    }
    case "vlan": {
      const id = data.u16(vlanId);
      return id === undefined ? {} : { vlanId: id };
    }
    case "tun":
      return { tun: parseTun(data) };
    default:
      return {};
  }
}

function parseTun(data: Attributes): TunDetails {
  const queues = data.u32(tun.queues);
  return {
    type: data.u8(tun.type) === tapType ? "tap" : "tun",
    persistent: data.u8(tun.persistent) === 1,
    multiQueue: data.u8(tun.multiQueue) === 1,
    ...(queues !== undefined && { queues }),
  };
}
