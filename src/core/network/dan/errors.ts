import { defineErrors } from "../../errors/error.js";

/** A value of a DAN file that cannot be used; `field` is where it stands, as `devices[0].name`. */
interface FieldProblem {
  readonly file: string;
  readonly field: string;
  readonly problem: string;
}

const fieldMessage = (p: FieldProblem) => `${p.file}: ${p.field} ${p.problem}`;

/** Errors of DAN files. `asked` is the key that names their directory, and where that is written. */
export const danErrors = defineErrors({
  KATA_DAN_READ: {
    status: "FAILED_PRECONDITION",
    message: (p: { file: string; asked: string; problem: string }) =>
      `cannot read the pod's network from ${p.file} (${p.asked}): ${p.problem}; remove that file to have the pod's network namespace looked at instead`,
  },
  KATA_DAN_UNTRUSTED: {
    status: "PERMISSION_DENIED",
    message: (p: { file: string; asked: string; problem: string }) =>
      `the pod's network is not taken from ${p.file} (${p.asked}): ${p.problem}; the file must lie in that directory and belong to root, as must its directories, and nobody else may write there`,
  },
  KATA_DAN_SYNTAX: {
    status: "INVALID_ARGUMENT",
    message: (p: { file: string; reason: string }) => `${p.file}: not JSON in UTF-8: ${p.reason}`,
  },
  KATA_DAN_FIELD: { status: "INVALID_ARGUMENT", message: fieldMessage },
  KATA_DAN_UNKNOWN_KEY: {
    status: "INVALID_ARGUMENT",
    message: (p: { file: string; field: string; keys: readonly string[]; hint: string }) =>
      `${p.file}: there is no key ${p.field}; the keys there are: ${p.keys.join(", ")}${p.hint}`,
  },
  /** A socket or a tap that the file names and that is not there, or is of no use. */
  KATA_DAN_DEVICE: { status: "FAILED_PRECONDITION", message: fieldMessage },
});
