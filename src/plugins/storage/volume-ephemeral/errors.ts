import { defineErrors } from "../../../core/errors/error.js";

export const ephemeralErrors = defineErrors({
  KATA_VOLUME_NO_MEMORY: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string }) =>
      `the mount at ${p.destination}: its source ${p.source} was a file system in memory, and is none any more`,
  },
});
