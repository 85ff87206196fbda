import { defineErrors } from "../errors/error.js";

/** What can be wrong with a specification that is translated to or from the agent's protocol. */
export const ociErrors = defineErrors({
  KATA_OCI_FIELD: {
    status: "INVALID_ARGUMENT",
    message: (p: { field: string; value: string; expected: string }) =>
      `${p.field} of the container's specification is ${p.value}, not ${p.expected}`,
  },
});
