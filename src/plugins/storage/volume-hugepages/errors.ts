import { defineErrors } from "../../../core/errors/error.js";

export const hugePagesErrors = defineErrors({
  KATA_VOLUME_HUGE_GONE: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string }) =>
      `the mount at ${p.destination}: its source ${p.source} was a file system of huge pages, and is none any more`,
  },
  KATA_VOLUME_HUGE_SIZE: {
    status: "INVALID_ARGUMENT",
    message: (p: { destination: string; source: string; pageSize: string; limits: readonly string[] }) =>
      `the mount at ${p.destination}: nobody says how many huge pages of ${p.pageSize} its source ${p.source} may hold; the guest must set them aside, so that it needs "size=" on the host, or the container a limit for them (linux.resources.hugepageLimits has: ${p.limits.join(", ") || "none"})`,
  },
});
