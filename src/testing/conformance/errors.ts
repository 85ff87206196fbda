import { defineErrors } from "../../core/errors/error.js";

export const conformanceErrors = defineErrors({
  KATA_CONFORMANCE: {
    status: "FAILED_PRECONDITION",
    message: (p: { plugin: string; check: string; problems: readonly string[] }) =>
      `the plugin ${p.plugin} does not keep what its kind promises, "${p.check}": ${p.problems.join("; ")}`,
  },
  KATA_CONFORMANCE_SUBJECT: {
    status: "INVALID_ARGUMENT",
    message: (p: { plugin: string; problem: string }) =>
      `the conformance suite cannot be made for the plugin ${p.plugin}: ${p.problem}`,
  },
});
