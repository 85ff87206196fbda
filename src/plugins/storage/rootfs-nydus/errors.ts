import { defineErrors } from "../../../core/errors/error.js";

const said = (lines: readonly string[]) => (lines.length === 0 ? "it said nothing" : `it said: ${lines.join(" | ")}`);

/** Messages never hold what the options hold: the daemon's configuration may have a registry's password in it. */
export const nydusErrors = defineErrors({
  KATA_ROOTFS_NYDUS_OPTION: {
    status: "INVALID_ARGUMENT",
    message: (p: { container: string; option: string; problem: string }) =>
      `the root file system of "${p.container}" is of nydus: its option ${p.option} ${p.problem}`,
  },
  KATA_ROOTFS_NYDUS_IMAGE: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string; source: string; problem: string }) =>
      `the root file system of "${p.container}" is of nydus: the metadata at ${p.source}: ${p.problem}`,
  },
  KATA_ROOTFS_NYDUS_NO_DAEMON: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string; searched: string }) =>
      `the root file system of "${p.container}" is of nydus, which nobody serves on this host: no nydusd in ${p.searched}. ` +
      "Install nydusd, or have nydus-snapshotter serve its images (daemon_mode and enable_nydus_overlayfs)",
  },
  KATA_ROOTFS_NYDUS_STARTUP: {
    status: "UNAVAILABLE",
    message: (p: { container: string; path: string; how: string; lines: readonly string[] }) =>
      `the root file system of "${p.container}" is of nydus: ${p.path} ended (${p.how}) before it served it; ${said(p.lines)}`,
  },
  KATA_ROOTFS_NYDUS_NO_SANDBOX: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string }) =>
      `the root file system of "${p.container}" is of nydus, whose daemon needs a sandbox's directory, and there is no sandbox`,
  },
});
