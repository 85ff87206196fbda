import { defineErrors } from "../../../core/errors/error.js";

/** What goes wrong with a file system device that is served here. */
export const fsErrors = defineErrors({
  KATA_VMM_FS_TAG: {
    status: "INVALID_ARGUMENT",
    message: (p: { tag: string; problem: string }) =>
      `a shared directory cannot have the tag ${JSON.stringify(p.tag)}: ${p.problem}`,
  },
});
