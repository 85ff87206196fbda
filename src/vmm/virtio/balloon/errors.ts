import { defineErrors } from "../../../core/errors/error.js";

export const balloonErrors = defineErrors({
  KATA_VMM_BALLOON_REQUEST: {
    status: "INVALID_ARGUMENT",
    message: (p: { bytes: number; limit: number }) =>
      `the guest's balloon names pages in ${p.bytes} bytes: it must be a multiple of 4, and ${p.limit} at most`,
  },
  KATA_VMM_BALLOON_TARGET: {
    status: "INVALID_ARGUMENT",
    message: (p: { bytes: number }) =>
      `a balloon of ${p.bytes} bytes cannot be: it must be a multiple of 4096 from 0 on, below 2^44`,
  },
});
