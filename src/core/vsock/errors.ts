import { defineErrors } from "../errors/error.js";

/** What can go wrong between the host and a port of the guest. */
export const guestDialErrors = defineErrors({
  KATA_GUEST_DIAL: {
    status: "UNAVAILABLE",
    message: (p: { address: string }) => `cannot connect to the guest at ${p.address}`,
  },
  KATA_GUEST_HANDSHAKE: {
    status: "UNAVAILABLE",
    message: (p: { address: string; answer: string }) =>
      `the VMM did not connect us to the guest at ${p.address}: ${p.answer}`,
  },
  KATA_GUEST_SOCKET_PATH: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string; fault: string }) => `the VMM cannot have a socket at ${p.path}: ${p.fault}`,
  },
});
