import { defineErrors } from "../../core/errors/error.js";

export const shimErrors = defineErrors({
  KATA_SHIM_FLAG: {
    status: "INVALID_ARGUMENT",
    message: (p: { problem: string }) => p.problem,
  },
  KATA_SHIM_ARGUMENT: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; value: string; problem: string }) =>
      `${p.what} is ${JSON.stringify(p.value)}: ${p.problem}`,
  },
  KATA_SHIM_ACTION: {
    status: "INVALID_ARGUMENT",
    message: (p: { action: string; known: readonly string[] }) =>
      p.action === ""
        ? `no action is given; it is one of: ${p.known.join(", ")}`
        : `the action ${JSON.stringify(p.action)} is not known; it is one of: ${p.known.join(", ")}`,
  },
  KATA_SHIM_PARAMETERS: {
    status: "INVALID_ARGUMENT",
    message: (p: { problem: string }) => `neither -id nor bootstrap parameters on the standard input: ${p.problem}`,
  },
  KATA_SHIM_RUNNING: {
    status: "ALREADY_EXISTS",
    message: (p: { namespace: string; id: string; pid: number }) =>
      `the shim of the sandbox "${p.id}" in the namespace "${p.namespace}" runs already, with pid ${p.pid}`,
  },
  KATA_SHIM_SOCKET: {
    status: "UNAVAILABLE",
    message: (p: { path: string }) => `cannot listen on ${p.path}`,
  },
  KATA_SHIM_GONE: {
    status: "NOT_FOUND",
    message: (p: { id: string; sandboxId: string; namespace: string }) =>
      `the container "${p.id}" belongs to the sandbox "${p.sandboxId}", which has no running shim in the namespace "${p.namespace}"`,
  },
  KATA_SHIM_STATE: {
    status: "INTERNAL",
    message: (p: { path: string }) => `cannot write ${p.path}`,
  },
  KATA_SHIM_UNTRUSTED: {
    status: "PERMISSION_DENIED",
    message: (p: { path: string; problem: string }) =>
      `${p.path}, where shims keep who they are, is not taken for theirs: ${p.problem}; look at it, and remove it if it is nobody's`,
  },
  KATA_SHIM_STUCK: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { pid: number; ms: number }) => `the shim with pid ${p.pid} did not end within ${p.ms} ms of SIGKILL`,
  },
});
