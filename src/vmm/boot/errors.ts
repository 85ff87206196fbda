import { defineErrors } from "../../core/errors/error.js";

const hex = (address: number): string => `0x${address.toString(16)}`;
const mib = (bytes: number): string => `${Math.ceil(bytes / (1 << 20))} MiB`;

/** Errors of what is put into a guest's memory before its first instruction. */
export const bootErrors = defineErrors({
  KATA_VMM_KERNEL_FORMAT: {
    status: "INVALID_ARGUMENT",
    message: (p: { file: string; field: string; problem: string }) =>
      `the kernel ${p.file} cannot be started, its ${p.field} ${p.problem}: give an uncompressed vmlinux or a bzImage for x86-64`,
  },
  KATA_VMM_KERNEL_SPACE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { file: string; start: number; end: number; memoryEnd: number }) =>
      `the kernel ${p.file} needs the memory from ${hex(p.start)} to ${hex(p.end)}, of which the guest has what is between ` +
      `0x100000 and ${hex(p.memoryEnd)}: give the guest at least ${mib(p.end)} of memory, or another kernel`,
  },
  KATA_VMM_INITRD_SPACE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { file: string; size: number; start: number; end: number }) =>
      `the initrd ${p.file} has ${p.size} bytes, which do not fit between the kernel's end at ${hex(p.start)} and ` +
      `${hex(p.end)}, the end of what the kernel reads one from: give the guest more memory, or a smaller initrd`,
  },
  KATA_VMM_INITRD_EMPTY: {
    status: "INVALID_ARGUMENT",
    message: (p: { file: string }) => `the initrd ${p.file} is empty: give none, or a whole one`,
  },
  KATA_VMM_LOW_MEMORY: {
    status: "INVALID_ARGUMENT",
    message: (p: { size: number }) =>
      `the guest's memory at address 0 has ${p.size} bytes, a machine starts in no less than 1 MiB there: give the guest more`,
  },
  KATA_VMM_COMMAND_LINE_LENGTH: {
    status: "INVALID_ARGUMENT",
    message: (p: { length: number; limit: number }) =>
      `the kernel's command line has ${p.length} bytes, the kernel takes ${p.limit}: take words out of kernel_params`,
  },
  KATA_VMM_COMMAND_LINE_CHARACTER: {
    status: "INVALID_ARGUMENT",
    message: (p: { code: number; position: number }) =>
      `the kernel's command line has the control character ${hex(p.code)} at position ${p.position}: words are parted by spaces`,
  },
  KATA_VMM_TABLE_VALUE: {
    status: "OUT_OF_RANGE",
    message: (p: { value: number; bits: number }) =>
      `a table for the guest's kernel has ${p.bits} bits for a number that is ${p.value}`,
  },
  KATA_VMM_TABLE_TEXT: {
    status: "INVALID_ARGUMENT",
    message: (p: { text: string; form: string }) =>
      `a table for the guest's kernel has ${JSON.stringify(p.text)} where it takes ${p.form}`,
  },
  KATA_VMM_TABLE_SPACE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { table: string; size: number; limit: number }) =>
      `the ${p.table} of this machine takes ${p.size} bytes, there is room for ${p.limit}: give it fewer processors or devices`,
  },
  KATA_VMM_MEMORY_MAP: {
    status: "INVALID_ARGUMENT",
    message: (p: { stretches: number; limit: number }) =>
      `the guest's memory is in ${p.stretches} stretches, its kernel can be told of ${p.limit}: give it fewer, larger ones`,
  },
});
