import { defineErrors } from "../errors/error.js";

/** Errors of the template that machines are started from. */
export const templateErrors = defineErrors({
  KATA_TEMPLATE_OFF: {
    status: "FAILED_PRECONDITION",
    message: (p: { where: string }) =>
      `no machine starts from a template: enable_template is false (${p.where}); set it to true`,
  },
  KATA_TEMPLATE_UNSUPPORTED: {
    status: "UNIMPLEMENTED",
    message: (p: { hypervisor: string }) =>
      `${p.hypervisor} cannot start machines from a template; set runtime.hypervisor_name = "dragonball"`,
  },
  KATA_TEMPLATE_REFUSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { hypervisor: string; reason: string }) =>
      `${p.hypervisor} makes no template of a machine that is configured so: ${p.reason}`,
  },
  KATA_TEMPLATE_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { path: string }) => `there is something at ${p.path} already; run "kata-ts factory destroy" first`,
  },
  KATA_TEMPLATE_AGENT: {
    status: "FAILED_PRECONDITION",
    message: (p: { agent: string }) =>
      `the agent "${p.agent}" cannot give a guest time and random numbers, so copies of one would have the same; set enable_template = false`,
  },
});
