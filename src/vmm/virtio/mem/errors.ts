import { defineErrors } from "../../../core/errors/error.js";

const hex = (address: number): string => `0x${address.toString(16)}`;

export const memErrors = defineErrors({
  KATA_VMM_MEM_REQUEST: {
    status: "INVALID_ARGUMENT",
    message: (p: { given: number; wanted: number }) =>
      `the guest's request for memory has ${p.given} bytes to read and ${p.wanted} to write: 24 and 10 are needed`,
  },
  KATA_VMM_MEM_REGION: {
    status: "INVALID_ARGUMENT",
    message: (p: { address: number; size: number; blockSize: number }) =>
      `memory to plug cannot be ${p.size} bytes at ${hex(p.address)} in blocks of ${p.blockSize}: blocks are a power of two from 4096 on, address and size multiples of it`,
  },
  KATA_VMM_MEM_SIZE: {
    status: "INVALID_ARGUMENT",
    message: (p: { bytes: number; blockSize: number; size: number }) =>
      `${p.bytes} bytes of memory cannot be plugged: a multiple of ${p.blockSize} from 0 to ${p.size} can`,
  },
});
