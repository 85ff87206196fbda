import type { GuestMemory } from "../../memory/guest-memory.js";
import { vmlinuxLimits, vmlinuxSetupHeader } from "../setup-header.js";
import { type BootFile, badKernel, checkRoom, type LoadedKernel, readNumber } from "./kernel-image.js";

/** Sizes of an ELF64 file's header and of one program header. */
const sizes = { header: 64, programHeader: 56 } as const;

/** What the fields of an ELF header must be (ELF-64 object file format, 3): 64 bits, little-endian, a program for x86-64. */
const identity = [
  { at: 4, bytes: 1, field: "EI_CLASS", value: 2 },
  { at: 5, bytes: 1, field: "EI_DATA", value: 1 },
  { at: 6, bytes: 1, field: "EI_VERSION", value: 1 },
  { at: 16, bytes: 2, field: "e_type", value: 2 },
  { at: 18, bytes: 2, field: "e_machine", value: 62 },
  { at: 20, bytes: 4, field: "e_version", value: 1 },
  { at: 52, bytes: 2, field: "e_ehsize", value: sizes.header },
  { at: 54, bytes: 2, field: "e_phentsize", value: sizes.programHeader },
] as const;

const loadable = 1;
/** `e_phnum` that means that the number is elsewhere: no kernel has so many. */
const tooMany = 0xffff;

interface Segment {
  readonly name: string;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

function viewOf(file: BootFile): Buffer {
  return Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
}

/** Whether a file begins as an ELF file does. */
export function isElf(file: BootFile): boolean {
  return viewOf(file)
    .subarray(0, 4)
    .equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
}

function readSegment(file: BootFile, at: number, index: number): Segment {
  const name = (field: string): string => `${field} of program header ${index}`;
  const number = (offset: number, field: string): number => readNumber(file, at + offset, name(field));
  const offset = number(8, "p_offset");
  const address = number(24, "p_paddr");
  const fileSize = number(32, "p_filesz");
  const memorySize = number(40, "p_memsz");
  const end = offset + fileSize;
  if (end > file.bytes.length) {
    throw badKernel(file, name("p_filesz"), `ends at ${end}, the file after ${file.bytes.length} bytes`);
  }
  if (fileSize > memorySize) {
    throw badKernel(file, name("p_filesz"), `is ${fileSize}, more than its p_memsz, ${memorySize}`);
  }
  if (!Number.isSafeInteger(address + memorySize)) {
    throw badKernel(file, name("p_memsz"), `is ${memorySize}, which goes further than memory`);
  }
  return { name: name("p_paddr"), offset, address, fileSize, memorySize };
}

function readSegments(file: BootFile): Segment[] {
  const view = viewOf(file);
  const table = readNumber(file, 32, "e_phoff");
  const count = view.readUInt16LE(56);
  if (count === 0 || count === tooMany) throw badKernel(file, "e_phnum", `is ${count}, so there is nothing to load`);
  const end = table + count * sizes.programHeader;
  if (table < sizes.header || end > file.bytes.length) {
    const place = `${count} program headers at ${table}`;
    throw badKernel(file, "e_phoff", `puts ${place}, the file has ${file.bytes.length} bytes`);
  }
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * sizes.programHeader;
    if (view.readUInt32LE(at) !== loadable) continue;
    const segment = readSegment(file, at, index);
    if (segment.memorySize > 0) segments.push(segment);
  }
  if (segments.length === 0) throw badKernel(file, "p_type", "is PT_LOAD in no program header");
  return segments.sort((a, b) => a.address - b.address);
}

/**
 * Loads an uncompressed kernel: its segments to their physical addresses, to be entered at `startup_64`. The memory must be
 * new: what a segment has in memory and not in the file is taken to be zeros. Everything is checked before the first byte is
 * written: `KATA_VMM_KERNEL_FORMAT`, `KATA_VMM_KERNEL_SPACE`.
 */
export function loadVmlinux(memory: GuestMemory, file: BootFile): LoadedKernel {
  const view = viewOf(file);
  if (view.length < sizes.header) throw badKernel(file, "ELF header", `is cut off after ${view.length} bytes`);
  for (const { at, bytes, field, value } of identity) {
    const found = view.readUIntLE(at, bytes);
    if (found !== value) throw badKernel(file, field, `is ${found}, not ${value}`);
  }
  const segments = readSegments(file);
  const entry = readNumber(file, 24, "e_entry");
  if (!segments.some(({ address, fileSize }) => entry >= address && entry < address + fileSize)) {
    throw badKernel(file, "e_entry", `is 0x${entry.toString(16)}, where it has nothing to load`);
  }
  let end = 0;
  for (const segment of segments) {
    if (segment.address < end) throw badKernel(file, segment.name, "is inside of the segment before it");
    end = segment.address + segment.memorySize;
    checkRoom(memory, file, segment.address, end);
  }
  for (const { address, offset, fileSize } of segments) {
    memory.slice(address, fileSize).set(file.bytes.subarray(offset, offset + fileSize));
  }
  return {
    format: "vmlinux",
    entry,
    end,
    setupHeader: vmlinuxSetupHeader(),
    initrdAddressMax: vmlinuxLimits.initrdAddress,
    commandLineMax: vmlinuxLimits.commandLine,
  };
}
