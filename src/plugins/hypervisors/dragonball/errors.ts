import { defineErrors } from "../../../core/errors/error.js";

/** Errors of machines in this process. */
export const dragonballErrors = defineErrors({
  KATA_DRAGONBALL_NO_KVM: {
    status: "FAILED_PRECONDITION",
    message: (p: { reason: string }) =>
      `dragonball runs machines by KVM alone, and ${p.reason}; set runtime.hypervisor_name = "qemu", which can emulate`,
  },
  KATA_DRAGONBALL_COPY: {
    status: "UNAVAILABLE",
    message: (p: { template: string; why: string; console: readonly string[] }) =>
      `the machine that went on from ${p.template} has not taken its cards and shares: ${p.why}; its console ${p.console.length === 0 ? "shows nothing" : `ends: ${p.console.join(" | ")}`}`,
  },
  KATA_DRAGONBALL_START: {
    status: "UNAVAILABLE",
    message: (p: { kernel: string; console: readonly string[] }) =>
      `the machine did not start the kernel ${p.kernel}; its console ${p.console.length === 0 ? "shows nothing" : `ends: ${p.console.join(" | ")}`}`,
  },
});
