import type { EndpointDriver } from "../../../core/contracts/endpoint.js";
import { JoinedEndpoint } from "../../../core/network/joined-endpoint.js";
import { isHeldTap, isTap } from "../../../core/network/tap-link.js";

/** Makes endpoints of this kind. */
export const tuntapEndpoints = (): EndpointDriver => ({
  name: "tuntap",
  match: (link) => (isTap(link) && isHeldTap(link) ? 100 : 0),
  create: (request) => new JoinedEndpoint(request),
});
