import type { Device } from "./device.js";
import type { GuestInterface } from "./guest.js";
import type { NetworkModel } from "./network-model.js";
import type { Resource } from "./resource.js";

/** A link found in the pod's network namespace, or described by a DAN file. */
export interface LinkInfo {
  readonly name: string;
  readonly index: number;
  /** `IFLA_INFO_KIND` (`veth`, `macvlan`, …), or `physical` when the kernel names none. */
  readonly kind: string;
  readonly hardwareAddress: string;
  readonly mtu: number;
  readonly guest: GuestInterface;
}

/** What an endpoint is made from. */
export interface EndpointRequest {
  readonly link: LinkInfo;
  /** Path of the pod's network namespace. */
  readonly namespace: string;
  readonly model: NetworkModel;
  /** Position among the sandbox's endpoints. */
  readonly index: number;
  readonly queuePairs: number;
}

/** What a prepared endpoint adds to the VM and the guest. */
export interface EndpointContribution {
  readonly device: Device;
  readonly interface: GuestInterface;
}

/**
 * One network interface of the sandbox. `prepare` makes the tap (or takes the device) and joins it through the model,
 * `cleanup` leaves the namespace as it was found.
 */
export type Endpoint = Resource<EndpointContribution>;

/** A kind of endpoint; `match` as for `RootfsDriver`, mostly by `link.kind`. */
export interface EndpointDriver {
  readonly name: string;
  match(link: LinkInfo): number;
  create(request: EndpointRequest): Endpoint;
}
