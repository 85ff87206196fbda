import type { EndpointRequest } from "../../../core/contracts/endpoint.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { VhostUserEndpoint } from "./vhost-user-endpoint.js";

/** A card that another program of the host serves by vhost-user, as a DAN file describes it. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "vhost-user",
  config: noConfig,
  create: () => ({
    name: "vhost-user",
    match: ({ kind }) => (kind === "vhost-user" ? 100 : 0),
    create: (request: EndpointRequest) => new VhostUserEndpoint(request),
  }),
});
