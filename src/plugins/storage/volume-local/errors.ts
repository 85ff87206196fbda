import { defineErrors } from "../../../core/errors/error.js";

export const localVolumeErrors = defineErrors({
  KATA_VOLUME_LOCAL: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string; problem: string }) =>
      `the mount at ${p.destination}: its source ${p.source}: ${p.problem}`,
  },
});
