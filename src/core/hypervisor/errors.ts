import { defineErrors } from "../errors/error.js";

/** What every hypervisor answers in the same words; its own errors stand in its plugin. */
export const hypervisorErrors = defineErrors({
  KATA_HYPERVISOR_DEVICE: {
    status: "UNIMPLEMENTED",
    message: (p: { hypervisor: string; kind: string; id: string; problem: string }) =>
      `${p.hypervisor} cannot take the ${p.kind} device "${p.id}": ${p.problem}`,
  },
  KATA_HYPERVISOR_DEVICE_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { hypervisor: string; id: string }) => `${p.hypervisor} has a device "${p.id}" already`,
  },
  KATA_HYPERVISOR_DEVICE_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { hypervisor: string; id: string; there: readonly string[] }) =>
      `${p.hypervisor} has no device "${p.id}"; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_HYPERVISOR_UNSUPPORTED: {
    status: "UNIMPLEMENTED",
    message: (p: { hypervisor: string; what: string; reason: string }) =>
      `${p.hypervisor} cannot ${p.what}: ${p.reason}`,
  },
  KATA_HYPERVISOR_STATE: {
    status: "FAILED_PRECONDITION",
    message: (p: { hypervisor: string; what: string; state: string }) =>
      `${p.hypervisor} cannot ${p.what}: its machine is ${p.state}`,
  },
});
