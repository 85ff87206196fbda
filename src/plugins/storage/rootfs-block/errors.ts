import { defineErrors } from "../../../core/errors/error.js";

export const blockRootfsErrors = defineErrors({
  KATA_ROOTFS_DISK: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string; type: string; source: string; problem: string }) =>
      `the root file system of "${p.container}" is ${p.type} on ${p.source}: ${p.problem}`,
  },
});
