/** `IFF_*` of `linux/if.h`, as far as they are of use. */
export const LinkFlag = {
  up: 0x1,
  broadcast: 0x2,
  loopback: 0x8,
  pointToPoint: 0x10,
  noArp: 0x80,
  multicast: 0x1000,
  /** Something is at the other end: `IFF_LOWER_UP`. */
  carrier: 0x10000,
} as const;

/** How a macvlan or macvtap passes frames among those of one parent: `MACVLAN_MODE_*`. */
export type MacvlanMode = "private" | "vepa" | "bridge" | "passthru" | "source";

/** Which layer an ipvlan passes packets at: `IPVLAN_MODE_*`. */
export type IpvlanMode = "l2" | "l3" | "l3s";

/** A link as the kernel has it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `IFLA_INFO_KIND` (`veth`, `macvlan`, …); absent for a device of a driver, and the loopback. */
  readonly kind?: string;
  /** `ARPHRD_*`: 1 is Ethernet, 772 the loopback, 65534 none. */
  readonly hardwareType: number;
  /** `IFF_*`. */
  readonly flags: number;
  /** Bytes. */
  readonly mtu: number;
  /** Lower case with colons; empty when it has none. */
  readonly hardwareAddress: string;
  /** Index of the link it stands on (`IFLA_LINK`), or of a veth's other end. */
  readonly parent?: number;
  /** Whether that is in another network namespace. */
  readonly parentElsewhere: boolean;
  /** Index of the bridge or bond it belongs to. */
  readonly master?: number;
  /** Transmit queues it was made with. */
  readonly transmitQueues: number;
  /** What somebody has written down of it: `IFLA_IFALIAS`. */
  readonly alias?: string;
  /** Bus and name of the device behind it: `pci` and `0000:00:03.0`, `virtio` and `virtio3`. */
  readonly device?: { readonly bus: string; readonly name: string };
  readonly details: LinkDetails;
}

/** What links of some kinds say of themselves. */
export interface LinkDetails {
  readonly macvlanMode?: MacvlanMode;
  readonly ipvlanMode?: IpvlanMode;
  /** 802.1Q tag. */
  readonly vlanId?: number;
  readonly tun?: TunDetails;
}

/** What a tun or tap says of itself. */
export interface TunDetails {
  readonly type: "tun" | "tap";
  /** Whether it stays when nobody holds it. */
  readonly persistent: boolean;
  readonly multiQueue: boolean;
  /** Queues that somebody holds, when the kernel says. */
  readonly queues?: number;
}

/** What a new link is. `parent` is the index of the link it stands on. */
export type LinkSpec =
  | { readonly kind: "veth"; readonly peer: NewLink; readonly peerNamespace?: number }
  | { readonly kind: "bridge" | "dummy" | "ifb" }
  | { readonly kind: "vlan"; readonly parent: number; readonly id: number }
  | { readonly kind: "macvlan" | "macvtap"; readonly parent: number; readonly mode: MacvlanMode }
  | { readonly kind: "ipvlan"; readonly parent: number; readonly mode: IpvlanMode };

/** What every new link has. */
export interface NewLink {
  /** 1 to 15 bytes. */
  readonly name: string;
  readonly hardwareAddress?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly transmitQueues?: number;
}

/** What is to be changed of a link; what is absent stays. */
export interface LinkChange {
  readonly up?: boolean;
  readonly arp?: boolean;
  readonly name?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly hardwareAddress?: string;
  /** Index of a bridge or bond; 0 takes it out. */
  readonly master?: number;
  /** What is written down of it; 255 bytes at most. */
  readonly alias?: string;
  /** Descriptor of the network namespace it goes to. */
  readonly namespace?: number;
}
