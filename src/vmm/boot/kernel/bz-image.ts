import type { GuestMemory } from "../../memory/guest-memory.js";
import { alignUp } from "../bytes.js";
import { setupHeader, setupValues } from "../setup-header.js";
import { type BootFile, badKernel, checkRoom, type LoadedKernel, readNumber } from "./kernel-image.js";

const sectorSize = 512;
/** Sectors of set-up code when the header says zero. */
const defaultSetupSectors = 4;
/** From where the kernel is loaded to its 64-bit entry (boot.rst, "64-bit Boot Protocol"). */
const entryOffset = 0x200;
/** Units of `syssize`, in bytes. */
const paragraph = 16;

function viewOf(file: BootFile): Buffer {
  return Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
}

/** Whether a file has the setup header of a bzImage. */
export function isBzImage(file: BootFile): boolean {
  const view = viewOf(file);
  return view.length >= setupHeader.limit && view.readUInt32LE(setupHeader.magic) === setupValues.magic;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** The setup header's bytes; its end is told by the jump over it. */
function headerOf(file: BootFile, view: Buffer): Uint8Array {
  const end = setupHeader.magic + view.readUInt8(setupHeader.jump + 1);
  if (end < setupHeader.initSize + 4 || end > setupHeader.limit) {
    throw badKernel(file, "jump", `ends the setup header at ${hex(end)}, which is not where one of its version ends`);
  }
  return Uint8Array.from(view.subarray(setupHeader.start, end));
}

function checkHeader(file: BootFile, view: Buffer): void {
  const flag = view.readUInt16LE(setupHeader.bootFlag);
  if (flag !== setupValues.bootFlag) throw badKernel(file, "boot_flag", `is ${hex(flag)}, not 0xaa55`);
  const version = view.readUInt16LE(setupHeader.version);
  if (version < setupValues.firstVersion) {
    throw badKernel(file, "version", `is ${hex(version)}, older than boot protocol 2.12 (0x20c)`);
  }
  if ((view.readUInt8(setupHeader.loadFlags) & setupValues.loadedHigh) === 0) {
    throw badKernel(file, "loadflags", "is without LOADED_HIGH: it is a zImage");
  }
  if ((view.readUInt16LE(setupHeader.extendedLoadFlags) & setupValues.kernel64) === 0) {
    throw badKernel(file, "xloadflags", "is without XLF_KERNEL_64: it is a kernel for 32 bits");
  }
}

/** What follows the set-up code: the kernel with what unpacks it. A signature may come after it, and is loaded too. */
function protectedPart(file: BootFile, view: Buffer): Uint8Array {
  const sectors = view.readUInt8(setupHeader.setupSectors) || defaultSetupSectors;
  const start = (sectors + 1) * sectorSize;
  const least = view.readUInt32LE(setupHeader.protectedSize) * paragraph;
  // The header's number is rounded up to a whole paragraph.
  if (view.length - start <= Math.max(entryOffset, least - paragraph)) {
    throw badKernel(
      file,
      "syssize",
      `is ${least / paragraph}, ${least} bytes after ${start}; it ends after ${view.length}`,
    );
  }
  return view.subarray(start);
}

/** Where the kernel is to be: `pref_address`, at its alignment when it can be moved. */
function loadAddress(file: BootFile, view: Buffer): number {
  const preferred = readNumber(file, setupHeader.preferredAddress, "pref_address");
  if (view.readUInt8(setupHeader.relocatable) === 0) return preferred;
  const alignment = view.readUInt32LE(setupHeader.alignment);
  if (alignment === 0 || (alignment & (alignment - 1)) !== 0) {
    throw badKernel(file, "kernel_alignment", `is ${hex(alignment)}, no power of two`);
  }
  const address = alignUp(preferred, alignment);
  if (!Number.isSafeInteger(address)) throw badKernel(file, "pref_address", "goes further than memory");
  return address;
}

/**
 * Loads a bzImage of boot protocol 2.12 or later with a 64-bit entry: it unpacks itself, whatever it is packed with, inside
 * of the `init_size` bytes that it asks for. Everything is checked before the first byte is written:
 * `KATA_VMM_KERNEL_FORMAT`, `KATA_VMM_KERNEL_SPACE`.
 */
export function loadBzImage(memory: GuestMemory, file: BootFile): LoadedKernel {
  const view = viewOf(file);
  if (!isBzImage(file)) throw badKernel(file, "header", "is not HdrS");
  checkHeader(file, view);
  const header = headerOf(file, view);
  const code = protectedPart(file, view);
  const address = loadAddress(file, view);
  const end = address + Math.max(view.readUInt32LE(setupHeader.initSize), code.length);
  checkRoom(memory, file, address, end);
  memory.slice(address, code.length).set(code);
  return {
    format: "bzImage",
    entry: address + entryOffset,
    end,
    setupHeader: header,
    initrdAddressMax: view.readUInt32LE(setupHeader.initrdAddressMax),
    commandLineMax: view.readUInt32LE(setupHeader.commandLineSize),
  };
}
