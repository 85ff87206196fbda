import type { LinkDetails } from "../sys/netlink/link.js";
import type { Device } from "./device.js";
import type { GuestInterface } from "./guest.js";
import type { NetworkModel, NetworkRates } from "./network-model.js";
import type { Resource } from "./resource.js";

/** A link found in the pod's network namespace, or described by a DAN file. */
export interface LinkInfo {
  /** In its namespace; what is in none has the name it gets in the guest. */
  readonly name: string;
  /** In its namespace; 0 for what is no link of the host's kernel. */
  readonly index: number;
  /**
   * `IFLA_INFO_KIND` (`veth`, `macvlan`, `tun`, …). Where the kernel names none: `physical` for a PCI device, `device` for
   * any other. `vhost-user` from a DAN file.
   */
  readonly kind: string;
  /** MAC, lower case with colons: also that of the VM's card. */
  readonly hardwareAddress: string;
  /** Bytes. */
  readonly mtu: number;
  /** `IFF_*`. */
  readonly flags: number;
  readonly details: LinkDetails;
  /** What somebody has written down of it: `IFLA_IFALIAS`. */
  readonly alias?: string;
  /** Where a physical device is: `0000:00:03.0`. */
  readonly pciAddress?: string;
  /** Where the program listens that serves a card by vhost-user. */
  readonly vhostUserSocket?: string;
  /** What a DAN file says of the machine's card; what it leaves out is configuration's and the endpoint's to choose. */
  readonly card?: CardWish;
  /** As the guest shall have it. */
  readonly guest: GuestInterface;
}

/** What is asked of a machine's card. */
export interface CardWish {
  /** MAC, lower case with colons. */
  readonly hardwareAddress?: string;
  readonly queuePairs?: number;
  /** Entries of each queue, a power of two. */
  readonly queueSize?: number;
}

/** What an endpoint is made from. */
export interface EndpointRequest {
  readonly link: LinkInfo;
  /** Path of the network namespace that the link is in; empty when it is in none. */
  readonly namespace: string;
  readonly model: NetworkModel;
  /** Position among the sandbox's endpoints, never used twice. */
  readonly index: number;
  readonly queuePairs: number;
  /** Entries of each queue, a power of two. */
  readonly queueSize: number;
  /** Whether vhost-net is to be used where the card is a tap. */
  readonly vhost: boolean;
  readonly rates: NetworkRates;
}

/** What a prepared endpoint adds to the VM and the guest. */
export interface EndpointContribution {
  readonly device: Device;
  readonly interface: GuestInterface;
  /** Whether the link leaves the namespace with its device, until `cleanup`. */
  readonly takesLink?: boolean;
}

/**
 * One network interface of the sandbox. `prepare` makes the tap (or takes the device) and joins it through the model,
 * `cleanup` leaves the namespace as it was found. The VM has let go of the device before `cleanup`.
 */
export type Endpoint = Resource<EndpointContribution>;

/** A kind of endpoint; `match` as for `RootfsDriver`, mostly by `link.kind`. */
export interface EndpointDriver {
  readonly name: string;
  match(link: LinkInfo): number;
  create(request: EndpointRequest): Endpoint;
}
