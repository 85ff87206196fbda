import { defineErrors } from "../../../core/errors/error.js";

export const directVolumeErrors = defineErrors({
  KATA_DIRECT_VOLUME_FILE: {
    status: "FAILED_PRECONDITION",
    message: (p: { source: string; file: string; problem: string }) =>
      `the volume ${p.source}: what its CSI driver says of it in ${p.file} cannot be used: ${p.problem}`,
  },
  KATA_DIRECT_VOLUME_FIELD: {
    status: "INVALID_ARGUMENT",
    message: (p: { source: string; file: string; field: string; value: string; expected: string }) =>
      `the volume ${p.source}: in ${p.file} "${p.field}" is ${p.value}; it must be ${p.expected}`,
  },
  KATA_DIRECT_VOLUME_DISK: {
    status: "FAILED_PRECONDITION",
    message: (p: { source: string; file: string; device: string; problem: string }) =>
      `the volume ${p.source}: ${p.file} names the device ${p.device}: ${p.problem}`,
  },
  KATA_DIRECT_VOLUME_PATH: {
    status: "INVALID_ARGUMENT",
    message: (p: { source: string; problem: string }) =>
      `${JSON.stringify(p.source.slice(0, 200))} is not the path of a volume: ${p.problem}`,
  },
  KATA_DIRECT_VOLUME_NO_DISKS: {
    status: "FAILED_PRECONDITION",
    message: (p: { source: string; file: string }) =>
      `the volume ${p.source} is a disk (${p.file}), and containers have none where disable_block_device_use is set ([hypervisor.*])`,
  },
});
