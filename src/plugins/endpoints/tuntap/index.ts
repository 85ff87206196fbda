import type { EndpointRequest, LinkInfo } from "../../../core/contracts/endpoint.js";
import { JoinedEndpoint } from "../../../core/network/joined-endpoint.js";
import { isHeldTap, isTap } from "../../../core/network/tap-link.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** A tap whose other end a program holds: it stays with that, and is joined with the machine's card by the model. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "tuntap",
  config: noConfig,
  create: () => ({
    name: "tuntap",
    match: (link: LinkInfo) => (isTap(link) && isHeldTap(link) ? 100 : 0),
    create: (request: EndpointRequest) => new JoinedEndpoint(request),
  }),
});
