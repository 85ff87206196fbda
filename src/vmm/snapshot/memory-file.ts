import { closeSync, fstatSync, readSync } from "node:fs";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import type { FileRange } from "../../core/sys/files.js";
import type { Sys } from "../../core/sys/sys.js";
import { type MemoryRange, pageSize } from "../memory/guest-ram.js";
import type { GuestMemory, MemoryRegion } from "../memory/guest-memory.js";
import { snapshotErrors } from "./errors.js";
import { openTrusted } from "./trusted-file.js";

/** Memory that is looked at and written at once. */
const pieceBytes = 1 << 20;

const zeroPage = Buffer.alloc(pageSize);

/** Bytes of regions together. */
export const bytesOf = (regions: readonly MemoryRange[]): number => regions.reduce((sum, { size }) => sum + size, 0);

/** The page behind the memory, which says whose it is. */
function lastPage(id: string): Buffer {
  const page = Buffer.alloc(pageSize);
  page.write(`kata-ts memory ${id}\n`, "latin1");
  return page;
}

/**
 * Writes a machine's memory to a new file of mode 0600, whole or not at all: its regions one behind the other, and a page
 * with `id`. Pages of zeros are left out as holes. Nobody may write to the memory meanwhile.
 * `KATA_VMM_SNAPSHOT_MEMORY` for a machine that was itself saved.
 */
export async function writeMemory(
  sys: Pick<Sys, "files">,
  path: string,
  memory: GuestMemory,
  id: string,
): Promise<void> {
  const { regions } = memory;
  if (regions.some(({ backing }) => backing.kind === "saved")) {
    const problem = "it is a copy of one that was saved already; what was written to it since cannot be told";
    throw snapshotErrors.KATA_VMM_SNAPSHOT_MEMORY({ problem });
  }
  const temporary = `${path}.${process.pid}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await fill(sys, file, memory, id);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

async function fill(sys: Pick<Sys, "files">, file: FileHandle, memory: GuestMemory, id: string): Promise<void> {
  try {
    const end = bytesOf(memory.regions);
    await file.truncate(end + pageSize);
    let start = 0;
    for (const region of memory.regions) {
      for (const range of dataOf(sys, region)) {
        for (const { offset, length } of pieces(range)) {
          const bytes = memory.slice(region.address + offset, length);
          await writeRuns(file, bytes, start + offset);
        }
      }
      start += region.size;
    }
    await writeAll(file, lastPage(id), end);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What of a region may have been written to, by its own offsets. */
function dataOf({ files }: Pick<Sys, "files">, { backing, size }: MemoryRegion): FileRange[] {
  if (backing.kind !== "file") return [{ offset: 0, length: size }];
  const { offset: start } = backing;
  return files.dataRanges(backing.fd).flatMap(({ offset, length }) => {
    const from = Math.max(0, offset - start);
    const to = Math.min(size, offset + length - start);
    return to > from ? [{ offset: from, length: to - from }] : [];
  });
}

function* pieces({ offset, length }: FileRange): Generator<FileRange> {
  for (let done = 0; done < length; done += pieceBytes) {
    yield { offset: offset + done, length: Math.min(pieceBytes, length - done) };
  }
}

/** Writes the pages that are not all zeros. */
async function writeRuns(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  const isZero = (at: number): boolean => zeroPage.equals(bytes.subarray(at, at + pageSize));
  for (let at = 0; at < bytes.length; ) {
    if (isZero(at)) {
      at += pageSize;
      continue;
    }
    let end = at + pageSize;
    while (end < bytes.length && !isZero(end)) end += pageSize;
    await writeAll(file, bytes.subarray(at, end), position + at);
    at = end;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/**
 * Opens memory that `writeMemory` wrote, to be mapped; the descriptor is the caller's. `KATA_VMM_SNAPSHOT_STATE` for a file of
 * another size, or another machine's, and what `openTrusted` refuses with.
 */
export function openMemoryFile(path: string, bytes: number, id: string): number {
  const fd = openTrusted(path);
  try {
    const { size } = fstatSync(fd);
    const refuse = (problem: string): never => {
      throw snapshotErrors.KATA_VMM_SNAPSHOT_STATE({ path, problem });
    };
    if (size !== bytes + pageSize) refuse(`it has ${size} bytes, where ${bytes + pageSize} belong`);
    const page = Buffer.alloc(pageSize);
    readSync(fd, page, 0, pageSize, bytes);
    if (!page.equals(lastPage(id))) refuse("it is not the memory of the machine whose state is beside it");
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
