import { defineErrors } from "../../../core/errors/error.js";

export const blockVolumeErrors = defineErrors({
  KATA_VOLUME_NO_DISKS: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string }) =>
      `the mount at ${p.destination}: ${p.source} is a disk, and containers have none where disable_block_device_use is set ([hypervisor.*])`,
  },
  KATA_VOLUME_DISK: {
    status: "FAILED_PRECONDITION",
    message: (p: { destination: string; source: string; problem: string }) =>
      `the mount at ${p.destination}: its source ${p.source}: ${p.problem}`,
  },
});
