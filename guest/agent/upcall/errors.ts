import { defineErrors } from "../../../src/core/errors/error.js";

/** Why a device or a processor that the host has plugged in or out is not taken into or out of use. The host gets ENODEV. */
export const plugErrors = defineErrors({
  KATA_GUEST_SLOT_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { range: string }) => `the kernel has no slot for virtio devices at ${p.range}`,
  },
  KATA_GUEST_SLOT_EMPTY: {
    status: "NOT_FOUND",
    message: (p: { slot: string }) => `there is no device in the slot ${p.slot}`,
  },
  KATA_GUEST_DEVICE_REFUSED: {
    status: "NOT_FOUND",
    message: (p: { kind: number }) => `no driver takes the virtio device of kind ${p.kind}`,
  },
  KATA_GUEST_PROCESSOR_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: number }) => `the kernel knows no processor ${p.id}`,
  },
});
