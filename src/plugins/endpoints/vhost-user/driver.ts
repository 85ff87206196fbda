import type { EndpointDriver } from "../../../core/contracts/endpoint.js";
import { VhostUserEndpoint } from "./vhost-user-endpoint.js";

/** Makes endpoints of this kind. */
export const vhostUserEndpoints = (): EndpointDriver => ({
  name: "vhost-user",
  match: ({ kind }) => (kind === "vhost-user" ? 100 : 0),
  create: (request) => new VhostUserEndpoint(request),
});
