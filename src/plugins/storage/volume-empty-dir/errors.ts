import { defineErrors } from "../../../core/errors/error.js";

const said = (lines: readonly string[]) => (lines.length === 0 ? "nothing" : lines.join(" | "));

export const emptyDirErrors = defineErrors({
  KATA_EMPTY_DIR_NO_DISKS: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string }) =>
      `the mount at ${p.destination}: ${p.source} is to be a disk (emptydir_mode in [runtime]), and containers have none where disable_block_device_use is set ([hypervisor.*])`,
  },
  KATA_EMPTY_DIR_DISK: {
    status: "FAILED_PRECONDITION",
    message: (p: { source: string; problem: string }) =>
      `the volume ${p.source} cannot be made a disk, as emptydir_mode in [runtime] wants it: ${p.problem}`,
  },
  KATA_EMPTY_DIR_PROGRAM: {
    status: "FAILED_PRECONDITION",
    message: (p: { program: string; path: string }) =>
      `there is no ${p.program} in ${p.path}, by which disks of emptyDir volumes are made (emptydir_mode in [runtime]); install e2fsprogs`,
  },
  KATA_EMPTY_DIR_FORMAT: {
    status: "INTERNAL",
    message: (p: { source: string; program: string; how: string; lines: readonly string[] }) =>
      `the disk of the volume ${p.source} could not be given a file system: ${p.program} ${p.how}, and said: ${said(p.lines)}`,
  },
});
