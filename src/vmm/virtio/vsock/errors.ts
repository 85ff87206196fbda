import { defineErrors } from "../../../core/errors/error.js";

/** What no driver of a vsock device does, and what a caller got wrong. */
export const vsockDeviceErrors = defineErrors({
  KATA_VMM_VSOCK_CID: {
    status: "INVALID_ARGUMENT",
    message: (p: { cid: number }) =>
      `a guest cannot have the vsock context ${p.cid}: give it one from 3 to 4294967294 (0, 1 and 2 are others', the last is none)`,
  },
  KATA_VMM_VSOCK_BUFFER: {
    status: "INVALID_ARGUMENT",
    message: (p: { queue: number; length: number; least: number }) =>
      `the guest's vsock queue ${p.queue} has a buffer of ${p.length} bytes; a packet's header alone has ${p.least}`,
  },
});
