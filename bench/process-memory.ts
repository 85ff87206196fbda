import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

/** Milliseconds without a request after which a shim counts as idle: V8 gives back what a start needed after five seconds. */
const idleTime = 10_000;

/** Bytes of a page of x86-64. */
const pageSize = 4096;

/** What a word of /proc/PID/pagemap says of a page (Documentation/admin-guide/mm/pagemap.rst), in its upper half. */
const page = { present: 1 << 31, ofFile: 1 << 29, exclusive: 1 << 24 } as const;

/** A mapping of a process, as /proc/PID/smaps has it, in bytes. */
export interface ProcessMapping {
  readonly start: number;
  readonly size: number;
  /** Where it begins in its file. */
  readonly offset: number;
  /** Its file, or what the kernel calls it; empty for memory that has no name. */
  readonly name: string;
  /** What nobody else has mapped, and was written to. */
  readonly privateDirty: number;
}

/** Bytes of a stretch of a process's memory. */
export interface TouchedMemory {
  /** What has a page, whoever else has that one. */
  readonly present: number;
  /** What has a page that is no file's and nobody else's. */
  readonly own: number;
}

/** Resolves when a shim has been left alone long enough to be idle: in milliseconds, on a slow host more than usual. */
export function idle(ms = idleTime): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How many threads a process has. */
export function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** A process, and all that it and its children have started, but for what has left them. */
export function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim().split(" "),
  );
  return [pid, ...children.filter((child) => child !== "").flatMap((child) => familyOf(Number(child)))];
}

/** Bytes of a process that nobody else uses and that were written to. */
export function privateDirty(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** All mappings of a process. */
export function mappingsOf(pid: number): ProcessMapping[] {
  const text = readFileSync(`/proc/${pid}/smaps`, "latin1");
  const one = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ *(.*)\n(?:\w+:.*\n)*?Private_Dirty: +(\d+) kB$/gm;
  return Array.from(text.matchAll(one), ([, from = "", to = "", offset = "", name = "", dirty]) => {
    const start = Number.parseInt(from, 16);
    const size = Number.parseInt(to, 16) - start;
    return { start, size, offset: Number.parseInt(offset, 16), name, privateDirty: Number(dirty) * 1024 };
  });
}

/** What a process has of a stretch of its memory, whole pages of it. */
export function touchedMemory(pid: number, { start, size }: Pick<ProcessMapping, "start" | "size">): TouchedMemory {
  const words = Buffer.alloc((size / pageSize) * 8);
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  try {
    const length = readSync(pagemap, words, { position: (start / pageSize) * 8 });
    if (length !== words.length) throw new Error(`the process ${pid} has no ${size} bytes at ${start.toString(16)}`);
  } finally {
    closeSync(pagemap);
  }
  let [present, own] = [0, 0];
  for (let at = 4; at < words.length; at += 8) {
    const word = words.readUInt32LE(at);
    if ((word & page.present) === 0) continue;
    present += pageSize;
    // The page of zeros is no file's either, but never exclusive.
    if ((word & page.ofFile) === 0 && (word & page.exclusive) !== 0) own += pageSize;
  }
  return { present, own };
}
