import { defineErrors } from "../errors/error.js";

/** Errors of files that are shared with a guest, whoever serves them. */
export const shareErrors = defineErrors({
  KATA_SHARE_NAME: {
    status: "INVALID_ARGUMENT",
    message: (p: { name: string; problem: string }) => `cannot share as ${JSON.stringify(p.name)}: ${p.problem}`,
  },
  KATA_SHARE_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { name: string; source: string }) => `${JSON.stringify(p.name)} is shared already, from ${p.source}`,
  },
  KATA_SHARE_SOURCE: {
    status: "INVALID_ARGUMENT",
    message: (p: { source: string; problem: string }) => `cannot share ${p.source}: ${p.problem}`,
  },
  KATA_SHARE_MISSING: {
    status: "NOT_FOUND",
    message: (p: { source: string }) => `cannot share ${p.source}: it does not exist`,
  },
  KATA_SHARE_MOUNT: {
    status: "INTERNAL",
    message: (p: { source: string; name: string; problem: string }) =>
      `cannot share ${p.source} as ${JSON.stringify(p.name)}: ${p.problem}`,
  },
  KATA_SHARE_SPACE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { source: string; name: string; directory: string }) =>
      `cannot share ${p.source} as ${JSON.stringify(p.name)}: there is no room left in ${p.directory}`,
  },
  KATA_SHARE_STATE: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string; state: string }) => `cannot ${p.what}: the share is ${p.state}`,
  },
});
