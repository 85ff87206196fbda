import { defineErrors } from "../../../core/errors/error.js";

/** What no driver of a network device does, what a caller got wrong, and a tap that is gone. */
export const netDeviceErrors = defineErrors({
  KATA_VMM_NET_BUFFER: {
    status: "INVALID_ARGUMENT",
    message: (p: { queue: number; length: number; least: number }) =>
      `the guest's network queue ${p.queue} has a buffer of ${p.length} bytes; a frame's header alone has ${p.least}`,
  },
  KATA_VMM_NET_MAC: {
    status: "INVALID_ARGUMENT",
    message: (p: { mac: string }) =>
      `${JSON.stringify(p.mac)} is no address of a network card: six bytes in hexadecimal with colons, the first of them even`,
  },
  KATA_VMM_NET_VALUE: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; value: number; expected: string }) => `${p.what} is ${p.value}, not ${p.expected}`,
  },
  KATA_VMM_NET_TAP: {
    status: "UNAVAILABLE",
    message: (p: { name: string }) => `the tap of ${p.name} failed`,
  },
  KATA_VMM_NET_VHOST: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string; problem: string }) =>
      `the kernel cannot serve ${p.name} (/dev/vhost-net): ${p.problem}`,
  },
});
