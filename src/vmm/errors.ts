import { defineErrors } from "../core/errors/error.js";

const hex = (address: number): string => `0x${address.toString(16)}`;

/** Errors of the machine itself. Those of a device's own are beside it. */
export const vmmErrors = defineErrors({
  KATA_VMM_GUEST_ADDRESS: {
    status: "INVALID_ARGUMENT",
    message: (p: { address: number; length: number }) =>
      `the guest names ${p.length} bytes at ${hex(p.address)}, which are not all in one stretch of its memory`,
  },
  KATA_VMM_QUEUE: {
    status: "INVALID_ARGUMENT",
    message: (p: { queue: number; problem: string }) => `the guest's virtqueue ${p.queue} is broken: ${p.problem}`,
  },
  KATA_VMM_VCPU_STUCK: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { id: number; ms: number }) =>
      `vCPU ${p.id} was told to leave the guest and had not done so in ${p.ms} ms`,
  },
});
