import { layout } from "../../machine/layout.js";
import type { GuestMemory } from "../../memory/guest-memory.js";
import { bootErrors } from "../errors.js";
import { lowMemoryEnd } from "../low-memory.js";

/** A file's content, and its name for errors. */
export interface BootFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A kernel that is in the guest's memory. */
export interface LoadedKernel {
  readonly format: "vmlinux" | "bzImage";
  /** Where a processor in long mode begins. */
  readonly entry: number;
  /** The first address above all it needs before it looks at the memory map. */
  readonly end: number;
  /** `struct setup_header`, for `boot_params` from 0x1f1: the file's own, or one of the same meaning for a vmlinux. */
  readonly setupHeader: Uint8Array;
  /** The highest address that a byte of an initrd may have. */
  readonly initrdAddressMax: number;
  /** The longest command line it takes, in bytes, the zero after it not counted. */
  readonly commandLineMax: number;
}

/** The error of a field of a kernel's file. */
export function badKernel(file: BootFile, field: string, problem: string): Error {
  return bootErrors.KATA_VMM_KERNEL_FORMAT({ file: file.name, field, problem });
}

/** A number of 8 bytes of a kernel's file; one that no address or size can have is an error of that field. */
export function readNumber(file: BootFile, at: number, field: string): number {
  const { buffer, byteOffset, byteLength } = file.bytes;
  const value = new DataView(buffer, byteOffset, byteLength).getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw badKernel(file, field, `is 0x${value.toString(16)}, further than memory goes`);
  }
  return Number(value);
}

/** Checks that a kernel may be at these addresses: above what is placed below 1 MiB, and within the memory below 4 GiB. */
export function checkRoom(memory: GuestMemory, file: BootFile, start: number, end: number): void {
  const memoryEnd = lowMemoryEnd(memory);
  if (start < layout.kernel || end > memoryEnd) {
    throw bootErrors.KATA_VMM_KERNEL_SPACE({ file: file.name, start, end, memoryEnd });
  }
}
