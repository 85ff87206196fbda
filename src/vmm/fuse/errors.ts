import { defineErrors } from "../../core/errors/error.js";

/** What goes wrong with a directory that is served to a guest. */
export const fuseErrors = defineErrors({
  KATA_VMM_FUSE_REQUEST: {
    status: "INVALID_ARGUMENT",
    message: (p: { problem: string }) => `the guest's request to a shared directory is none: ${p.problem}`,
  },
  KATA_VMM_FUSE_ROOT: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; problem: string }) => `cannot serve the directory ${p.path}: ${p.problem}`,
  },
});
