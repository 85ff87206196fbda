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
});
