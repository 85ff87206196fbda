import { defineErrors } from "../../../core/errors/error.js";

export const blockErrors = defineErrors({
  KATA_VMM_BLOCK_REQUEST: {
    status: "INVALID_ARGUMENT",
    message: (p: { disk: string }) =>
      `the guest's request to the disk ${p.disk} has no byte to write, so there is no place for its status`,
  },
  KATA_VMM_DISK_SHORT: {
    status: "DATA_LOSS",
    message: (p: { position: number }) =>
      `the disk's file ends at ${p.position}, before the size it had when it was opened`,
  },
  KATA_VMM_DISK_DIRECT: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string }) =>
      `the disk ${p.path} cannot be read and written past the host's page cache, as block_device_cache_direct asks for: its file system does not have that`,
  },
  KATA_VMM_DISK_FILE: {
    status: "FAILED_PRECONDITION",
    message: (p: { fd: number }) => `descriptor ${p.fd} is neither a regular file nor a block device, so it is no disk`,
  },
});
