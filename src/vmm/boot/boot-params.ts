import { layout } from "../machine/layout.js";
import { u8, u32, u64 } from "./bytes.js";
import { type E820Entry, encodeMemoryMap } from "./e820.js";
import type { PlacedInitrd } from "./initrd.js";
import { setupHeader, setupValues } from "./setup-header.js";

/** Bytes of `struct boot_params`, the "zero page". */
const size = 4096;

/** Offsets in it besides those of the setup header (Documentation/arch/x86/zero-page.rst). */
const offsets = {
  acpiRootPointer: 0x70,
  ramdiskImageHigh: 0xc0,
  ramdiskSizeHigh: 0xc4,
  memoryMapRows: 0x1e8,
  memoryMap: 0x2d0,
} as const;

/** What a kernel is told. */
export interface BootParams {
  /** Of the kernel that was loaded. */
  readonly setupHeader: Uint8Array;
  readonly memoryMap: readonly E820Entry[];
  readonly initrd?: PlacedInitrd | undefined;
  /** Address of ACPI's root pointer; absent on a machine without ACPI. */
  readonly acpiRootPointer?: number | undefined;
}

/** `struct boot_params` of this; the command line is at `layout.commandLine`. */
export function encodeBootParams(params: BootParams): Uint8Array {
  const page = new Uint8Array(size);
  const { initrd = { address: 0, size: 0 }, acpiRootPointer = 0 } = params;
  page.set(params.setupHeader, setupHeader.start);
  page.set(u8(setupValues.otherLoader), setupHeader.loader);
  page.set(u32(layout.commandLine), setupHeader.commandLinePointer);
  // Each is in two halves, the upper of which is the later addition.
  page.set(u64(initrd.address).subarray(0, 4), setupHeader.ramdiskImage);
  page.set(u64(initrd.address).subarray(4), offsets.ramdiskImageHigh);
  page.set(u64(initrd.size).subarray(0, 4), setupHeader.ramdiskSize);
  page.set(u64(initrd.size).subarray(4), offsets.ramdiskSizeHigh);
  page.set(u64(acpiRootPointer), offsets.acpiRootPointer);
  page.set(u8(params.memoryMap.length), offsets.memoryMapRows);
  page.set(encodeMemoryMap(params.memoryMap), offsets.memoryMap);
  return page;
}
