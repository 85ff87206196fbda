import { defineErrors } from "../../../core/errors/error.js";

export const sharedBindErrors = defineErrors({
  KATA_VOLUME_UNSUPPORTED: {
    status: "UNIMPLEMENTED",
    message: (p: { destination: string; source: string; kind: string; instead: string }) =>
      `the mount at ${p.destination}: its source ${p.source} is a ${p.kind}; ${p.instead}`,
  },
  KATA_VOLUME_SOURCE: {
    status: "NOT_FOUND",
    message: (p: { destination: string; source: string }) =>
      `the mount at ${p.destination}: its source ${p.source} does not exist`,
  },
  KATA_VOLUME_SHARE: {
    status: "INTERNAL",
    message: (p: { destination: string; source: string; problem: string }) =>
      `the mount at ${p.destination}: ${p.source} cannot be shared with the guest: ${p.problem}`,
  },
});
