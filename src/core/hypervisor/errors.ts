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
  KATA_HYPERVISOR_RESIZE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { hypervisor: string; what: string; problem: string }) =>
      `${p.hypervisor} cannot have its machine have ${p.what}: ${p.problem}`,
  },
  KATA_HYPERVISOR_STATE: {
    status: "FAILED_PRECONDITION",
    message: (p: { hypervisor: string; what: string; state: string }) =>
      `${p.hypervisor} cannot ${p.what}: its machine is ${p.state}`,
  },
  KATA_HYPERVISOR_NO_GUEST: {
    status: "FAILED_PRECONDITION",
    message: (p: { hypervisor: string; directory: string; problem: string }) =>
      `no guest to boot: ${p.problem} in ${p.directory}; run "kata-ts guest build", or set [hypervisor.${p.hypervisor}] kernel, and image or initrd`,
  },
  KATA_HYPERVISOR_GUEST_FILE: {
    status: "FAILED_PRECONDITION",
    message: (p: { hypervisor: string; key: string; path: string; where: string; problem: string }) =>
      `the guest's ${p.key} ${p.path} cannot be used: ${p.problem}; it is set by [hypervisor.${p.hypervisor}] ${p.key} (${p.where})`,
  },
  KATA_HYPERVISOR_COMMAND_LINE: {
    status: "INVALID_ARGUMENT",
    message: (p: { hypervisor: string; length: number; limit: number }) =>
      `the guest kernel's command line has ${p.length} bytes, the kernel reads ${p.limit}; shorten [hypervisor.${p.hypervisor}] kernel_params`,
  },
});
