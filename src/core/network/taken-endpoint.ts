import type { Endpoint, EndpointContribution, EndpointRequest } from "../contracts/endpoint.js";
import { cardAddress } from "./card-address.js";
import { closeFds } from "./close-fds.js";
import { networkErrors } from "./errors.js";

/**
 * A link of the pod that is a tap already: the VM's card is its other end. `open` gives the descriptors, one for each queue
 * pair. Nothing of the link is changed; it stays when the VM has gone.
 */
export class TakenEndpoint implements Endpoint {
  readonly name: string;
  readonly #request: EndpointRequest;
  readonly #open: (request: EndpointRequest) => readonly number[];
  #fds: readonly number[] = [];

  constructor(request: EndpointRequest, open: (request: EndpointRequest) => readonly number[]) {
    this.name = `endpoint ${request.link.name}`;
    this.#request = request;
    this.#open = open;
  }

  async prepare(): Promise<EndpointContribution> {
    const { link, namespace, queueSize, vhost } = this.#request;
    const { name, kind } = link;
    const hardwareAddress = cardAddress(link);
    try {
      this.#fds = this.#open(this.#request);
    } catch (cause) {
      throw networkErrors.KATA_NETWORK_ENDPOINT({ link: name, kind, namespace }, { cause });
    }
    const device = { kind: "net", id: link.guest.name, hardwareAddress, tapFds: this.#fds, queueSize, vhost } as const;
    return { device, interface: link.guest };
  }

  async cleanup(): Promise<void> {
    const fds = this.#fds;
    this.#fds = [];
    await closeFds(fds);
  }
}

/**
 * The request with the hardware address that is asked for the machine's card, or else another one than that of the link,
 * whose other end it is: a bridge keeps frames for the address of its own port.
 */
export function otherEnd(request: EndpointRequest): EndpointRequest {
  const { link } = request;
  const hardwareAddress = link.card?.hardwareAddress ?? otherAddress(link.hardwareAddress);
  return { ...request, link: { ...link, hardwareAddress, guest: { ...link.guest, hardwareAddress } } };
}

function otherAddress(address: string): string {
  const first = Number.parseInt(address.slice(0, 2), 16) ^ locallyAdministered;
  return first.toString(16).padStart(2, "0") + address.slice(2);
}

/** The bit of a MAC's first byte that says who gave it. */
const locallyAdministered = 0x02;
