import { defineErrors } from "../errors/error.js";

export const sizingErrors = defineErrors({
  KATA_SIZE_INVALID: {
    status: "INVALID_ARGUMENT",
    message: (p: { where: string; value: string; expected: string }) =>
      `${p.where} is ${p.value}, by which a machine cannot be sized; it takes ${p.expected}`,
  },
  KATA_SIZE_ONLINE: {
    status: "UNIMPLEMENTED",
    message: (p: { agent: string; vcpus: number; memoryMiB: number }) =>
      `the machine has ${p.vcpus} vCPUs and ${p.memoryMiB} MiB now, but the agent ${p.agent} cannot have its guest use them; set static_sandbox_resource_mgmt = true, or use another agent`,
  },
});
