import { imageErrors } from "./errors.js";

/** What linking needs to know of an ELF file. */
export interface ElfLinks {
  /** The program that loads it: `/lib64/ld-linux-x86-64.so.2`. A library and a static program have none. */
  readonly interpreter?: string;
  /** Names of the shared libraries it needs. */
  readonly needed: readonly string[];
  /** Directories it has them looked for in, `$ORIGIN` unresolved. */
  readonly searchPaths: readonly string[];
}

const ident = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const programHeader = { size: 56, load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { needed: 1, stringTable: 5, rpath: 15, runpath: 29 } as const;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Whether bytes begin as a 64-bit little-endian ELF file does. */
export function isElf(file: Buffer): boolean {
  return file.length >= 64 && file.subarray(0, ident.length).equals(ident);
}

function bad(what: string, problem: string): Error {
  return imageErrors.KATA_GUEST_IMAGE_FORMAT({ what, problem: `as an ELF file, ${problem}` });
}

/** A number of 8 bytes that must be an offset or a size. */
function offsetAt(file: Buffer, at: number): number {
  const value = file.readBigUInt64LE(at);
  // Larger ones (kernel addresses) are never used as positions.
  return Number(BigInt.asUintN(53, value));
}

function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof RangeError) throw bad(what, "it is cut off");
    throw cause;
  }
}

function text(file: Buffer, at: number): string {
  const end = file.indexOf(0, at);
  if (at >= file.length || end < 0) throw new RangeError("a string leaves the file");
  return file.toString("utf8", at, end);
}

function segments(file: Buffer): Segment[] {
  const table = offsetAt(file, 32);
  const count = file.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * programHeader.size;
    const offset = offsetAt(file, at + 8);
    return { type: file.readUInt32LE(at), offset, address: offsetAt(file, at + 16), size: offsetAt(file, at + 32) };
  });
}

function dynamicEntries(file: Buffer, dynamic: Segment): [number, number][] {
  const entries: [number, number][] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const key = offsetAt(file, at);
    if (key === 0) break;
    entries.push([key, offsetAt(file, at + 8)]);
  }
  return entries;
}

/** Reads what an ELF file (named `what` in errors) links to. */
export function readElfLinks(file: Buffer, what: string): ElfLinks {
  if (!isElf(file)) throw bad(what, "it is none for a 64-bit little-endian machine");
  return guarded(what, () => {
    const all = segments(file);
    const interpreter = all.find((segment) => segment.type === programHeader.interpreter);
    const dynamic = all.find((segment) => segment.type === programHeader.dynamic);
    const entries = dynamic === undefined ? [] : dynamicEntries(file, dynamic);
    const address = entries.find(([key]) => key === tag.stringTable)?.[1] ?? 0;
    const holder = all.find(
      (s) => s.type === programHeader.load && address >= s.address && address < s.address + s.size,
    );
    const strings = holder === undefined ? 0 : address - holder.address + holder.offset;
    const named = (...keys: number[]): string[] =>
      entries.filter(([key]) => keys.includes(key)).map(([, value]) => text(file, strings + value));
    return {
      ...(interpreter !== undefined && { interpreter: text(file, interpreter.offset) }),
      needed: named(tag.needed),
      searchPaths: named(tag.rpath, tag.runpath).flatMap((paths) => paths.split(":").filter((path) => path !== "")),
    };
  });
}

/** The bytes of a section by its name (`.modinfo`); undefined when the file has none of it. */
export function elfSection(file: Buffer, name: string, what: string): Buffer | undefined {
  if (!isElf(file)) throw bad(what, "it is none for a 64-bit little-endian machine");
  return guarded(what, () => {
    const table = offsetAt(file, 40);
    const size = file.readUInt16LE(58);
    const count = file.readUInt16LE(60);
    const names = offsetAt(file, table + file.readUInt16LE(62) * size + 24);
    for (let index = 0; index < count; index++) {
      const at = table + index * size;
      if (text(file, names + file.readUInt32LE(at)) !== name) continue;
      const offset = offsetAt(file, at + 24);
      const length = offsetAt(file, at + 32);
      if (offset + length > file.length) throw new RangeError("the section leaves the file");
      return file.subarray(offset, offset + length);
    }
    return undefined;
  });
}
