import type { EndpointRequest, LinkInfo } from "../../../core/contracts/endpoint.js";
import { otherEnd, TakenEndpoint } from "../../../core/network/taken-endpoint.js";
import { isHeldTap, isTap } from "../../../core/network/tap-link.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A tap that is in the namespace already and that nobody holds: the machine's card is its other end. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "tap",
  config: noConfig,
  create: ({ sys }) => ({
    name: "tap",
    match: (link: LinkInfo) => (isTap(link) && !isHeldTap(link) ? 100 : 0),
    create: (request: EndpointRequest) =>
      new TakenEndpoint(otherEnd(request), ({ link: { name, details }, namespace, queuePairs }) => {
        const multiQueue = details.tun?.multiQueue ?? false;
        const wanted = multiQueue ? queuePairs : 1;
        return sys.taps.open({ name, namespace, queuePairs: wanted, exclusive: false, multiQueue });
      }),
  }),
});
