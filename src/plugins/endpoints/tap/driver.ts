import type { EndpointDriver } from "../../../core/contracts/endpoint.js";
import { otherEnd, TakenEndpoint } from "../../../core/network/taken-endpoint.js";
import { isHeldTap, isTap } from "../../../core/network/tap-link.js";
import type { PluginContext } from "../../../core/plugin/context.js";

/** Makes endpoints of this kind. */
export const tapEndpoints = ({ sys }: PluginContext): EndpointDriver => ({
  name: "tap",
  match: (link) => (isTap(link) && !isHeldTap(link) ? 100 : 0),
  create: (request) =>
    new TakenEndpoint(otherEnd(request), ({ link: { name, details }, namespace, queuePairs }) => {
      const multiQueue = details.tun?.multiQueue ?? false;
      const wanted = multiQueue ? queuePairs : 1;
      return sys.taps.open({ name, namespace, queuePairs: wanted, exclusive: false, multiQueue });
    }),
});
