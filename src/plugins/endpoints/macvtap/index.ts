import type { EndpointRequest } from "../../../core/contracts/endpoint.js";
import { TakenEndpoint } from "../../../core/network/taken-endpoint.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A macvtap that is in the namespace already: the machine's card is its descriptor. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "macvtap",
  config: noConfig,
  create: ({ sys }) => ({
    name: "macvtap",
    match: ({ kind }) => (kind === "macvtap" ? 100 : 0),
    create: (request: EndpointRequest) =>
      new TakenEndpoint(request, ({ link: { name, index }, namespace, queuePairs }) =>
        sys.taps.openMacvtap({ name, index, namespace, queuePairs }),
      ),
  }),
});
