import type { EndpointDriver } from "../../../core/contracts/endpoint.js";
import { TakenEndpoint } from "../../../core/network/taken-endpoint.js";
import type { PluginContext } from "../../../core/plugin/context.js";

/** Makes endpoints of this kind. */
export const macvtapEndpoints = ({ sys }: PluginContext): EndpointDriver => ({
  name: "macvtap",
  match: ({ kind }) => (kind === "macvtap" ? 100 : 0),
  create: (request) =>
    new TakenEndpoint(request, ({ link: { name, index }, namespace, queuePairs }) =>
      sys.taps.openMacvtap({ name, index, namespace, queuePairs }),
    ),
});
