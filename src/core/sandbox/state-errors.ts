import { defineErrors } from "../errors/error.js";

const otherwise = `the shim's "delete", or "kata-ts recover --clean", ends what is left of it`;

export const stateErrors = defineErrors({
  KATA_RECOVER_NO_STATE: {
    status: "NOT_FOUND",
    message: (p: { file: string }) =>
      `there is no ${p.file}: the sandbox was being made or ended when its shim died, or its machine was a part of that; ${otherwise}`,
  },
  KATA_RECOVER_STATE_READ: {
    status: "INTERNAL",
    message: (p: { file: string }) => `cannot read the sandbox's state ${p.file}; ${otherwise}`,
  },
  KATA_RECOVER_STATE_TRUST: {
    status: "PERMISSION_DENIED",
    message: (p: { file: string; problem: string }) =>
      `the sandbox's state ${p.file} is not taken for ours: ${p.problem}; ${otherwise}`,
  },
  KATA_RECOVER_STATE_VERSION: {
    status: "FAILED_PRECONDITION",
    message: (p: { file: string; version: string; known: number }) =>
      `the sandbox's state ${p.file} has version ${p.version}, and this program reads version ${p.known}; ${otherwise}`,
  },
  KATA_RECOVER_STATE_BROKEN: {
    status: "DATA_LOSS",
    message: (p: { file: string; problem: string }) =>
      `the sandbox's state ${p.file} cannot be used: ${p.problem}; ${otherwise}`,
  },
  KATA_RECOVER_PART: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string; problem: string }) => `${p.what} cannot be taken over: ${p.problem}; ${otherwise}`,
  },
});
