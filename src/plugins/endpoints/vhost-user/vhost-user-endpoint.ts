import type { Endpoint, EndpointContribution, EndpointRequest } from "../../../core/contracts/endpoint.js";
import { networkErrors } from "../../../core/network/errors.js";

/** A card whose queues another program serves: there is nothing to make on the host, and nothing to undo. */
export class VhostUserEndpoint implements Endpoint {
  readonly name: string;
  readonly #request: EndpointRequest;

  constructor(request: EndpointRequest) {
    this.name = `endpoint ${request.link.name}`;
    this.#request = request;
  }

  async prepare(): Promise<EndpointContribution> {
    const { link, queuePairs, queueSize, namespace } = this.#request;
    const { name, kind, hardwareAddress, vhostUserSocket: socket } = link;
    if (socket === undefined) throw networkErrors.KATA_NETWORK_ENDPOINT({ link: name, kind, namespace });
    const device = { kind: "vhost-user-net", id: name, hardwareAddress, socket, queuePairs, queueSize } as const;
    return { device, interface: link.guest };
  }

  async cleanup(): Promise<void> {}
}
