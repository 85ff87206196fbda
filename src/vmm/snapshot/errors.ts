import { defineErrors } from "../../core/errors/error.js";

/** Errors of saved machines. */
export const snapshotErrors = defineErrors({
  KATA_VMM_SNAPSHOT_RUNNING: {
    status: "FAILED_PRECONDITION",
    message: (p: { problem: string }) => `the machine cannot be saved: ${p.problem}; pause a running machine first`,
  },
  KATA_VMM_SNAPSHOT_DEVICE: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string; problem: string }) =>
      `a machine with the device "${p.device}" cannot be saved: ${p.problem}; save it before the device is there`,
  },
  KATA_VMM_SNAPSHOT_MEMORY: {
    status: "FAILED_PRECONDITION",
    message: (p: { problem: string }) => `the machine's memory cannot be saved: ${p.problem}`,
  },
  KATA_VMM_SNAPSHOT_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { path: string }) => `there is a saved machine already: ${p.path}; remove it first`,
  },
  KATA_VMM_SNAPSHOT_WRITE: {
    status: "UNAVAILABLE",
    message: (p: { directory: string }) =>
      `the machine could not be saved in ${p.directory}, and nothing is left there`,
  },
  KATA_VMM_SNAPSHOT_MISSING: {
    status: "NOT_FOUND",
    message: (p: { path: string }) => `there is no saved machine: ${p.path} does not exist`,
  },
  KATA_VMM_SNAPSHOT_OWNER: {
    status: "PERMISSION_DENIED",
    message: (p: { path: string; problem: string }) =>
      `the saved machine ${p.path} is not to be trusted: ${p.problem}; it must be a file of this user's alone, mode 0600`,
  },
  KATA_VMM_SNAPSHOT_STATE: {
    status: "DATA_LOSS",
    message: (p: { path: string; problem: string }) =>
      `the saved machine ${p.path} is broken: ${p.problem}; save it again`,
  },
  KATA_VMM_SNAPSHOT_FORMAT: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; format: string; producer: string; known: number }) =>
      `the saved machine ${p.path} is of format ${p.format}, written by ${p.producer}; this program reads format ${p.known}`,
  },
  KATA_VMM_SNAPSHOT_ARCHITECTURE: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; saved: string; here: string }) =>
      `the saved machine ${p.path} is one of ${p.saved}, this host is ${p.here}`,
  },
  KATA_VMM_SNAPSHOT_PROCESSOR: {
    status: "FAILED_PRECONDITION",
    message: (p: { problem: string }) =>
      `the saved machine cannot go on on this host's processors: ${p.problem}; save it here`,
  },
  KATA_VMM_SNAPSHOT_MISMATCH: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string; saved: string; wanted: string }) =>
      `the saved machine is not the one that was asked for: its ${p.what} is ${p.saved}, asked for is ${p.wanted}`,
  },
});
