import { defineErrors } from "../../../core/errors/error.js";

export const copyErrors = defineErrors({
  KATA_VOLUME_COPY: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string; problem: string }) =>
      `the mount at ${p.destination}: ${p.source} cannot be copied to the guest: ${p.problem}`,
  },
  KATA_VOLUME_COPY_LIMIT: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { destination: string; source: string; what: string; most: number }) =>
      `the mount at ${p.destination}: ${p.source} has more than ${p.most} ${p.what}, which is too much to be copied to the guest; share it instead (shared_fs is "none"), or have it on a disk`,
  },
  KATA_VOLUME_COPY_AGENT: {
    status: "UNIMPLEMENTED",
    message: (p: { destination: string; source: string; agent: string }) =>
      `the mount at ${p.destination}: ${p.source} is to be copied to the guest, since nothing is shared (shared_fs is "none"), and the agent ${p.agent} takes no files`,
  },
});
