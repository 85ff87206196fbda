import { layout } from "../machine/layout.js";
import { concat, u16, u32, zeros } from "./bytes.js";

/**
 * Offsets of the fields of `struct setup_header`, which are the same in a bzImage and in `struct boot_params`
 * (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header").
 */
export const setupHeader = {
  start: 0x1f1,
  setupSectors: 0x1f1,
  protectedSize: 0x1f4,
  bootFlag: 0x1fe,
  jump: 0x200,
  magic: 0x202,
  version: 0x206,
  loader: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  commandLinePointer: 0x228,
  initrdAddressMax: 0x22c,
  alignment: 0x230,
  relocatable: 0x234,
  extendedLoadFlags: 0x236,
  commandLineSize: 0x238,
  preferredAddress: 0x258,
  initSize: 0x260,
  /** Where `struct boot_params` goes on with something else: no header is longer. */
  limit: 0x290,
} as const;

/** What fields hold that never changes. */
export const setupValues = {
  bootFlag: 0xaa55,
  /** "HdrS", little-endian. */
  magic: 0x53726448,
  /** Protocol 2.12, the first that says whether there is a 64-bit entry. */
  firstVersion: 0x20c,
  /** A loader without a number of its own. */
  otherLoader: 0xff,
  /** `loadflags`: the kernel is above 1 MiB. */
  loadedHigh: 1,
  /** `xloadflags`: there is a 64-bit entry. */
  kernel64: 1,
} as const;

/** What a vmlinux says nowhere: limits that x86-64 kernels have always had (`COMMAND_LINE_SIZE`, `INITRD_ADDR_MAX`). */
export const vmlinuxLimits = { commandLine: 2047, initrdAddress: 0x7fffffff, alignment: 0x1000000 } as const;

/** The setup header for a kernel whose file has none. */
export function vmlinuxSetupHeader(): Uint8Array {
  const { bootFlag, magic, loadFlags, initrdAddressMax, commandLineSize } = setupHeader;
  const between = (from: number, to: number): Uint8Array => zeros(to - from);
  return concat(
    between(setupHeader.start, bootFlag),
    u16(setupValues.bootFlag),
    between(setupHeader.jump, magic),
    u32(setupValues.magic),
    u16(0x20f),
    between(setupHeader.version + 2, loadFlags),
    Uint8Array.of(setupValues.loadedHigh),
    between(loadFlags + 1, initrdAddressMax),
    u32(vmlinuxLimits.initrdAddress),
    u32(vmlinuxLimits.alignment),
    between(setupHeader.relocatable, setupHeader.extendedLoadFlags),
    u16(setupValues.kernel64),
    u32(Math.min(vmlinuxLimits.commandLine, layout.commandLineSize - 1)),
    between(commandLineSize + 4, setupHeader.initSize + 4),
  );
}
