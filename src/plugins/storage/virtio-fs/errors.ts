import { defineErrors } from "../../../core/errors/error.js";

const said = (lines: readonly string[]) => (lines.length === 0 ? "it said nothing" : `it said: ${lines.join(" | ")}`);

export const virtioFsErrors = defineErrors({
  KATA_VIRTIOFS_DAEMON_MISSING: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; where: string }) =>
      `no virtiofsd at ${p.path} (virtio_fs_daemon, ${p.where}); install Debian 12's package qemu-system-common or, later, virtiofsd`,
  },
  KATA_VIRTIOFS_DAEMON_NOT_FOUND: {
    status: "FAILED_PRECONDITION",
    message: (p: { tried: readonly string[] }) =>
      `no virtiofsd found at ${p.tried.join(", ")}; install Debian 12's package qemu-system-common or, later, virtiofsd, or name it with virtio_fs_daemon`,
  },
  KATA_VIRTIOFS_DAEMON_UNKNOWN: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; where: string; lines: readonly string[] }) =>
      `${p.path} --version does not answer as a virtiofsd does (virtio_fs_daemon, ${p.where}); ${said(p.lines)}`,
  },
  KATA_VIRTIOFS_ARGUMENT: {
    status: "INVALID_ARGUMENT",
    message: (p: { argument: string; problem: string; where: string }) =>
      `virtio_fs_extra_args (${p.where}): ${JSON.stringify(p.argument)} ${p.problem}`,
  },
  KATA_VIRTIOFS_SOURCE: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string }) =>
      `virtiofsd cannot be told to share ${p.path}: its command line has no way to write a comma`,
  },
  KATA_VIRTIOFS_DIED: {
    status: "UNAVAILABLE",
    message: (p: { pid: number; how: string; lines: readonly string[] }) =>
      `virtiofsd (pid ${p.pid}) has ended by itself (${p.how}); ${said(p.lines)}`,
  },
  KATA_VIRTIOFS_STARTUP: {
    status: "UNAVAILABLE",
    message: (p: { path: string; how: string; lines: readonly string[] }) =>
      `virtiofsd (${p.path}) ended before the machine was started (${p.how}); ${said(p.lines)}`,
  },
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
