import { defineErrors } from "../errors/error.js";

/** What is wrong with a disk of a machine. */
export const diskErrors = defineErrors({
  KATA_DISK_SOURCE: {
    status: "FAILED_PRECONDITION",
    message: (p: { source: string; problem: string }) => `${p.source} cannot be a disk of a guest: ${p.problem}`,
  },
  KATA_DISK_SIZE: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; wanted: number; problem: string }) =>
      `the disk ${p.path} cannot have ${p.wanted} bytes: ${p.problem}`,
  },
  KATA_DISK_CONFLICT: {
    status: "FAILED_PRECONDITION",
    message: (p: { purpose: string; path: string; wanted: string; there: string; first: string }) =>
      `${p.purpose}: the machine has the disk ${p.path} already, ${p.there}, for ${p.first}; it cannot have it ${p.wanted} too`,
  },
  KATA_DISK_NOWHERE: {
    status: "FAILED_PRECONDITION",
    message: (p: { purpose: string; path: string; hypervisor: string }) =>
      `${p.purpose}: the hypervisor ${p.hypervisor} has taken the disk ${p.path}, and does not know where its guest has it`,
  },
});
