import { defineErrors } from "../../errors/error.js";

/** Errors of netlink other than a request the kernel refused, which is `SysError` with the kernel's own words. */
export const netlinkErrors = defineErrors({
  KATA_NETLINK_BROKEN: {
    status: "DATA_LOSS",
    message: (p: { why: string }) => `an answer over netlink cannot be read: ${p.why}`,
  },
  KATA_NETLINK_SILENT: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { request: string; ms: number }) => `no answer over netlink to "${p.request}" within ${p.ms} ms`,
  },
  KATA_NETLINK_CHANGING: {
    status: "UNAVAILABLE",
    message: (p: { request: string; tries: number }) =>
      `"${p.request}" was not answered whole in ${p.tries} tries: what it lists changes all the time`,
  },
  KATA_NETLINK_VALUE: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; why: string }) => `${p.what} cannot be given to the kernel: ${p.why}`,
  },
});
