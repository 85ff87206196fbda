import { defineErrors } from "../../../core/errors/error.js";

export const sharedRootfsErrors = defineErrors({
  KATA_ROOTFS_MOUNT: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string; index: number; type: string; source: string; target: string; problem: string }) =>
      `the root file system of "${p.container}": mount ${p.index} (${p.type} ${p.source}) at ${p.target}: ${p.problem}`,
  },
  KATA_ROOTFS_NO_SHARE: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string }) =>
      `the root file system of "${p.container}" is a directory of the host, and the sandbox shares nothing (shared_fs = "none"): it must be a disk then, as the devmapper snapshotter makes them`,
  },
});
