import type { Endpoint, EndpointRequest, NetworkJoin, Plugin } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const nothing = tableOf({});

/** A card of its own for a link that another program serves, joined by whatever the model does. */
class Card implements Endpoint {
  readonly name: string;
  readonly #request: EndpointRequest;
  readonly #join: NetworkJoin;

  constructor(request: EndpointRequest) {
    const { link, namespace, index, queuePairs, rates } = request;
    this.name = `acme card ${link.name}`;
    this.#request = request;
    this.#join = { namespace, podInterface: link.name, tap: `acme${index}`, queuePairs, rates };
  }

  async prepare() {
    const { link, model, queuePairs, queueSize } = this.#request;
    await model.join(this.#join);
    const { name: id, hardwareAddress, vhostUserSocket: socket = "" } = link;
    return {
      device: { kind: "vhost-user-net", id, hardwareAddress, socket, queuePairs, queueSize },
      interface: link.guest,
    } as const;
  }

  async cleanup(): Promise<void> {
    await this.#request.model.part(this.#join);
  }
}

const endpoint: Plugin<"endpoint", typeof nothing> = {
  api: 1,
  kind: "endpoint",
  name: "acme-card",
  config: nothing,
  create: () => ({
    name: "acme-card",
    match: ({ kind }) => (kind === "vhost-user" ? 1000 : 0),
    create: (request) => new Card(request),
  }),
};

const model: Plugin<"network-model", typeof nothing> = {
  api: 1,
  kind: "network-model",
  name: "acme-net",
  config: nothing,
  create: () => ({
    name: "acme-net",
    attaches: true,
    async join({ podInterface, tap }) {
      note(`network join ${podInterface} ${tap}`);
      return [];
    },
    async part({ podInterface, tap }) {
      note(`network part ${podInterface} ${tap}`);
    },
  }),
};

export const plugins = [endpoint, model];
