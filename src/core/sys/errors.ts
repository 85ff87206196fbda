import { defineErrors } from "../errors/error.js";

/** Errors of `Sys` other than a call the kernel refused, which is `SysError`. */
export const sysErrors = defineErrors({
  KATA_SYS_UNAVAILABLE: {
    status: "FAILED_PRECONDITION",
    message: (p: { why: string }) =>
      `the kernel cannot be called: ${p.why}; kata-ts needs Linux with glibc or musl on x86_64 or aarch64, and npm's package koffi`,
  },
  KATA_SYS_MOUNTINFO: {
    status: "INTERNAL",
    message: (p: { line: string }) => `/proc/self/mountinfo has a line that is not understood: ${p.line}`,
  },
  KATA_SYS_MOUNT_OPTION: {
    status: "INVALID_ARGUMENT",
    message: (p: { option: string; why: string }) => `mount option ${JSON.stringify(p.option)}: ${p.why}`,
  },
  KATA_SYS_MOUNT_DATA_LENGTH: {
    status: "INVALID_ARGUMENT",
    message: (p: { target: string; length: number; limit: number }) =>
      `mounting ${p.target}: the options are ${p.length} bytes long, the kernel takes ${p.limit} (an image with fewer layers has fewer lower directories)`,
  },
  KATA_SYS_PATH: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string; why: string }) => `path ${JSON.stringify(p.path)}: ${p.why}`,
  },
  KATA_SYS_SYMLINK: {
    status: "FAILED_PRECONDITION",
    message: (p: { fd: number; link: string }) =>
      `descriptor ${p.fd} is the symbolic link ${p.link}, which the kernel would follow; open what is meant without O_NOFOLLOW, or refuse it`,
  },
  KATA_SYS_CROSSES_MOUNT: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string }) => `not removing ${p.path}: it is a mount point; unmount it first`,
  },
  KATA_SYS_NOT_FIFO: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string; kind: string }) => `${p.path} should be a fifo and is a ${p.kind}`,
  },
  KATA_SYS_NAMESPACE_ASYNC: {
    status: "INTERNAL",
    message: (p: { namespace: string }) =>
      `the action to run in the network namespace ${p.namespace} returned a promise: what it goes on to do is done outside`,
  },
  KATA_SYS_WATCH: {
    status: "FAILED_PRECONDITION",
    message: (p: { fd: number; why: string }) => `descriptor ${p.fd} cannot be watched for readiness: ${p.why}`,
  },
  KATA_SYS_TOO_MANY_DESCRIPTORS: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { limit: number }) =>
      `a message carried more than the ${p.limit} descriptors expected; all were closed`,
  },
  KATA_SYS_VALUE: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; value: string; expected: string }) => `${p.what} is ${p.value}, not ${p.expected}`,
  },
});
