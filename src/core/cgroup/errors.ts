import { defineErrors } from "../errors/error.js";

const list = (names: readonly string[]) => names.join(", ") || "none";

export const cgroupErrors = defineErrors({
  KATA_CGROUP_PATH: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string; where: string; problem: string }) =>
      `${where(p)} is no path of a cgroup: ${p.problem}; it is "/a/b", or "slice:prefix:name" for systemd`,
  },
  KATA_CGROUP_TAKEN: {
    status: "ALREADY_EXISTS",
    message: (p: { path: string; where: string; directory: string; holds: string }) =>
      `${where(p)} is somebody else's cgroup: ${p.directory} holds ${p.holds} already; a sandbox needs one of its own`,
  },
  KATA_CGROUP_CREATE: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; where: string; directory: string }) =>
      `${where(p)} cannot be made a cgroup at ${p.directory}`,
  },
  KATA_CGROUP_CONTROLLER: {
    status: "FAILED_PRECONDITION",
    message: (p: {
      controller: string;
      limit: string;
      directory: string;
      there: readonly string[];
      reason: string | undefined;
    }) =>
      `${p.limit} needs the cgroup controller ${p.controller}, which ${p.directory} has not; it has: ${list(p.there)}${p.reason === undefined ? "" : `; ${p.reason}`}`,
  },
  KATA_CGROUP_LIMIT: {
    status: "INVALID_ARGUMENT",
    message: (p: { limit: string; value: string; file: string }) =>
      `${p.limit}: the kernel does not take ${JSON.stringify(p.value)} in ${p.file}`,
  },
  KATA_CGROUP_VALUE: {
    status: "INVALID_ARGUMENT",
    message: (p: { limit: string; value: string; expected: string }) => `${p.limit} is ${p.value}, not ${p.expected}`,
  },
  KATA_CGROUP_MOVE: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string; directory: string }) => `${p.what} cannot be moved into the cgroup ${p.directory}`,
  },
  KATA_CGROUP_GONE: {
    status: "FAILED_PRECONDITION",
    message: (p: { root: string; version: number }) => `there are no cgroups of version ${p.version} at ${p.root}`,
  },
  KATA_CGROUP_BUSY: {
    status: "INTERNAL",
    message: (p: { directory: string; ms: number; holds: string }) =>
      `the cgroup ${p.directory} could not be removed in ${p.ms} ms: it holds ${p.holds}`,
  },
  KATA_CGROUP_SYSTEMD: {
    status: "FAILED_PRECONDITION",
    message: (p: { program: string; path: string }) =>
      `systemd runs this host and has to be asked for a cgroup that is named in its form, by ${p.program}, which is not in ${p.path}; it comes with systemd`,
  },
});

function where({ path, where }: { path: string; where: string }): string {
  return `${JSON.stringify(path.length > 300 ? `${path.slice(0, 300)}…` : path)} (${where})`;
}
