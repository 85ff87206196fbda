import { defineErrors } from "../../src/core/errors/error.js";

/** What can go wrong while the guest image is built. */
export const imageErrors = defineErrors({
  KATA_GUEST_IMAGE_ARCH: {
    status: "UNIMPLEMENTED",
    message: (p: { arch: string; known: readonly string[] }) =>
      `a guest image for ${p.arch} cannot be built; it can for ${p.known.join(", ")}`,
  },
  KATA_GUEST_IMAGE_COMMAND: {
    status: "INTERNAL",
    message: (p: { command: string; problem: string; output: string }) =>
      `${p.command}: ${p.problem}${p.output === "" ? "" : `; it said: ${p.output}`}`,
  },
  KATA_GUEST_IMAGE_PACKAGE: {
    status: "NOT_FOUND",
    message: (p: { packages: readonly string[]; problem: string }) =>
      `the guest image needs the package(s) ${p.packages.join(", ")}: ${p.problem}; ` +
      `"apt-get update" refreshes the lists, "apt-get install ${p.packages.join(" ")}" takes them from this machine`,
  },
  KATA_GUEST_IMAGE_FILE: {
    status: "NOT_FOUND",
    message: (p: { path: string; package: string }) => `the package ${p.package} was expected to hold ${p.path}`,
  },
  KATA_GUEST_IMAGE_MODULE: {
    status: "NOT_FOUND",
    message: (p: { module: string; release: string; neededBy: string }) =>
      `the kernel ${p.release} has no module ${p.module}, neither built in nor as a file; ${p.neededBy} needs it`,
  },
  KATA_GUEST_IMAGE_LIBRARY: {
    status: "NOT_FOUND",
    message: (p: { library: string; neededBy: string; searched: readonly string[] }) =>
      `${p.neededBy} needs the shared library ${p.library}, which is not in ${p.searched.join(", ")}`,
  },
  KATA_GUEST_IMAGE_AGENT: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string; problem: string }) =>
      `the agent's bundle ${p.path} cannot be used: ${p.problem}; "npm run build" makes it`,
  },
  KATA_GUEST_IMAGE_FORMAT: {
    status: "DATA_LOSS",
    message: (p: { what: string; problem: string }) => `${p.what}: ${p.problem}`,
  },
  KATA_GUEST_IMAGE_BROKEN: {
    status: "DATA_LOSS",
    message: (p: { directory: string; problem: string }) =>
      `the guest image in ${p.directory} cannot be used: ${p.problem}; remove that directory and build it again`,
  },
});
