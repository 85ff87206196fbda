import type { EndpointRequest } from "../../../core/contracts/endpoint.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { PhysicalEndpoint } from "./physical-endpoint.js";

/** A network device of the host: the guest gets it whole, through VFIO. */
export const plugin = definePlugin({
  api: 1,
  kind: "endpoint",
  name: "physical",
  config: noConfig,
  create({ sys, sandbox }) {
    if (sandbox === undefined) throw new Error("an endpoint is created for a sandbox");
    return {
      name: "physical",
      match: ({ kind }) => (kind === "physical" ? 100 : 0),
      create: (request: EndpointRequest) =>
        new PhysicalEndpoint(request, { netlink: sys.netlink, record: sandbox.record }),
    };
  },
});
