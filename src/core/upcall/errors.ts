import { defineErrors } from "../errors/error.js";

/** Errors of the protocol by which a machine tells its guest what was plugged in and out. */
export const upcallErrors = defineErrors({
  KATA_UPCALL_MESSAGE: {
    status: "INVALID_ARGUMENT",
    message: (p: { problem: string }) => `a message about plugging is not understood: ${p.problem}`,
  },
  KATA_UPCALL_SILENT: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { what: string; ms: number; why: string }) =>
      `the guest did not ${p.what} in ${p.ms} ms: ${p.why}; its agent, or its kernel, serves port 219`,
  },
  KATA_UPCALL_REFUSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string; reason: string }) => `the guest refuses to ${p.what}: ${p.reason}`,
  },
  KATA_UPCALL_LOST: {
    status: "UNAVAILABLE",
    message: (p: { what: string }) => `the guest hung up while it was to ${p.what}`,
  },
  KATA_UPCALL_CLOSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string }) => `the machine has ended, so its guest cannot ${p.what}`,
  },
});
