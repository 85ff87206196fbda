import type { Endpoint, EndpointContribution, EndpointDriver, EndpointRequest } from "../contracts/endpoint.js";
import type { NetworkJoin } from "../contracts/network-model.js";
import { cardAddress } from "./card-address.js";
import { closeFds } from "./close-fds.js";
import { networkErrors } from "./errors.js";
import { tapName } from "./scan.js";

/**
 * A link of the pod that stays where it is: the VM's card is a tap that the network model joins with it. The card has the
 * link's hardware address, so that neighbours of the pod notice nothing.
 */
export class JoinedEndpoint implements Endpoint {
  readonly name: string;
  readonly #request: EndpointRequest;
  readonly #join: NetworkJoin;
  #fds: readonly number[] = [];

  constructor(request: EndpointRequest) {
    const { link, namespace, index, queuePairs, rates } = request;
    this.name = `endpoint ${link.name}`;
    this.#request = request;
    this.#join = { namespace, podInterface: link.name, tap: tapName(index), queuePairs, rates };
  }

  async prepare(): Promise<EndpointContribution> {
    const { link, namespace, model, queueSize, vhost } = this.#request;
    const hardwareAddress = cardAddress(link);
    try {
      this.#fds = await model.join(this.#join);
    } catch (cause) {
      const { name, kind } = link;
      throw networkErrors.KATA_NETWORK_ENDPOINT({ link: name, kind, namespace }, { cause });
    }
    const device = { kind: "net", id: link.name, hardwareAddress, tapFds: this.#fds, queueSize, vhost } as const;
    return { device, interface: link.guest };
  }

  async cleanup(): Promise<void> {
    try {
      await this.#request.model.part(this.#join);
    } finally {
      const fds = this.#fds;
      this.#fds = [];
      await closeFds(fds);
    }
  }
}

/** A driver of endpoints that are joined, for links of these kinds. */
export function joinedEndpoints(name: string, kinds: readonly string[]): EndpointDriver {
  return {
    name,
    match: ({ kind }) => (kinds.includes(kind) ? ordinaryScore : 0),
    create: (request) => new JoinedEndpoint(request),
  };
}

/** Of a driver that goes by a link's kind alone; one that looks at more of it scores higher. */
const ordinaryScore = 100;
