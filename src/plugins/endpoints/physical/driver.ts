import type { EndpointDriver } from "../../../core/contracts/endpoint.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { PhysicalEndpoint } from "./physical-endpoint.js";

/** Makes endpoints of this kind. */
export function physicalEndpoints({ sys, roots, sandbox }: PluginContext): EndpointDriver {
  if (sandbox === undefined) throw new Error("an endpoint is created for a sandbox");
  return {
    name: "physical",
    match: ({ kind }) => (kind === "physical" ? 100 : 0),
    create: (request) => new PhysicalEndpoint(request, { sys, record: sandbox.record, sysfs: roots.sysfs }),
  };
}
