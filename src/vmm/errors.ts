import { defineErrors } from "../core/errors/error.js";

const hex = (address: number): string => `0x${address.toString(16)}`;

/** Errors of the machine itself. Those of a device's own are beside it. */
export const vmmErrors = defineErrors({
  KATA_VMM_GUEST_ADDRESS: {
    status: "INVALID_ARGUMENT",
    message: (p: { address: number; length: number }) =>
      `the guest names ${p.length} bytes at ${hex(p.address)}, which are not all in one stretch of its memory`,
  },
  KATA_VMM_GUEST_NUMBER: {
    status: "INVALID_ARGUMENT",
    message: (p: { address: number; value: bigint }) =>
      `the guest has ${p.value} at ${hex(p.address)}, where a number below 2^53 is needed`,
  },
  KATA_VMM_GUEST_ALIGNMENT: {
    status: "INVALID_ARGUMENT",
    message: (p: { address: number; alignment: number }) =>
      `${hex(p.address)} in the guest's memory is no multiple of ${p.alignment}`,
  },
  KATA_VMM_NOT_GUEST_MEMORY: {
    status: "INTERNAL",
    message: (p: { length: number }) => `a view of ${p.length} bytes is not one of the guest's memory`,
  },
  KATA_VMM_MEMORY_SIZE: {
    status: "INVALID_ARGUMENT",
    message: (p: { bytes: number; page: number }) =>
      `a machine cannot have ${p.bytes} bytes of memory: it must be a multiple of ${p.page}, and at least that`,
  },
  KATA_VMM_MEMORY_SAVED: {
    status: "FAILED_PRECONDITION",
    message: (p: { address: number }) =>
      `the guest's memory at ${hex(p.address)} goes on from what was saved, so none of its pages can be given back`,
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
  KATA_VMM_STOPPED: {
    status: "FAILED_PRECONDITION",
    message: () => "the machine was stopped, and does not start again; make a new one",
  },
  KATA_VMM_SLOTS: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { slots: number; devices: number }) =>
      `the machine has ${p.slots} slots for virtio devices, and there are ${p.devices}; give it fewer disks, cards and shares`,
  },
  KATA_VMM_DEVICE_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string }) => `the machine has a device "${p.id}" already`,
  },
  KATA_VMM_DEVICE_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: string; there: readonly string[] }) =>
      `the machine has no device "${p.id}"; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_VMM_DEVICE: {
    status: "UNAVAILABLE",
    message: (p: { id: string; what: string; problem: string }) =>
      `the device "${p.id}" cannot be ${p.what}: ${p.problem}`,
  },
  KATA_VMM_DEVICE_STAYS: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string; why: string }) => `the device "${p.id}" stays as long as its machine: ${p.why}`,
  },
  KATA_VMM_VCPUS: {
    status: "INVALID_ARGUMENT",
    message: (p: { count: number; most: number }) =>
      `the machine cannot have ${p.count} processors: 1 to ${p.most} there may be, and more only with default_maxvcpus at its start`,
  },
  KATA_VMM_NOT_RUNNING: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string }) => `the machine does not run, so it cannot ${p.what}`,
  },
});
