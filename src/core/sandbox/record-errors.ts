import { defineErrors } from "../errors/error.js";

export const recordErrors = defineErrors({
  KATA_RECORD_WRITE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { file: string }) =>
      `cannot write the sandbox's record ${p.file}, without which a crash would leave things behind`,
  },
  KATA_RECORD_READ: {
    status: "INTERNAL",
    message: (p: { file: string }) => `cannot read the sandbox's record ${p.file}`,
  },
  KATA_RECORD_UNTRUSTED: {
    status: "PERMISSION_DENIED",
    message: (p: { file: string; problem: string }) =>
      `the sandbox's record ${p.file} is not believed, since somebody else may have written it: ${p.problem}. What it names is left ` +
      "alone; look at it, undo by hand what is the sandbox's, and remove its directory",
  },
  KATA_RECORD_BROKEN: {
    status: "DATA_LOSS",
    message: (p: { file: string; problem: string }) => `the sandbox's record ${p.file} cannot be used: ${p.problem}`,
  },
  KATA_SHIM_LEFTOVER: {
    status: "INTERNAL",
    message: (p: { what: string }) => `cannot undo what the sandbox left: ${p.what}`,
  },
});
