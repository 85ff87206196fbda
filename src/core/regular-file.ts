import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { defineErrors } from "./errors/error.js";
import { OpenFlag } from "./sys/open-flags.js";

/** What stands where a regular file should be. */
export const regularFileErrors = defineErrors({
  KATA_FILE_KIND: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; kind: string }) => `${p.path} is a ${p.kind}, and no regular file`,
  },
});

/** What a file begins with. */
export interface FileStart {
  /** No more than was asked for. */
  readonly bytes: Buffer;
  /** Whether that is all of it. */
  readonly whole: boolean;
  /** Whose it is, and who may write it; of exactly what was read. */
  readonly stats: Stats;
}

/** How `readRegularFile` reads. */
export interface ReadOptions {
  /** The most bytes that are read, whatever the file says its size is. */
  readonly most: number;
  /** Whether a link in the place of the file itself is followed. */
  readonly follow: boolean;
}

/**
 * Reads a file that somebody hostile may have put there: of a fifo nothing is waited for, a device is not even opened, what has
 * no end is read up to `most` bytes. `KATA_FILE_KIND` for what is no regular file; errors of Node otherwise (ENOENT).
 */
export function readRegularFile(path: string, { most, follow }: ReadOptions): FileStart {
  const found = openSync(path, OpenFlag.pathOnly | (follow ? 0 : OpenFlag.noFollow));
  try {
    const stats = fstatSync(found);
    if (!stats.isFile()) throw regularFileErrors.KATA_FILE_KIND({ path, kind: kindOf(stats) });
    // Files of procfs are regular too, and some of them wait.
    const fd = openSync(`/proc/self/fd/${found}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      return { ...readUpTo(fd, most, stats.size), stats };
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(found);
  }
}

/** One byte more than is wanted says whether there is more. */
function readUpTo(fd: number, most: number, expected: number): { bytes: Buffer; whole: boolean } {
  let bytes = Buffer.allocUnsafe(Math.min(most, Math.max(expected, 4096)) + 1);
  let length = 0;
  for (;;) {
    const read = readSync(fd, bytes, length, bytes.length - length, null);
    length += read;
    if (read === 0) return { bytes: bytes.subarray(0, length), whole: true };
    if (length > most) return { bytes: bytes.subarray(0, most), whole: false };
    if (length === bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(2 * length, most) + 1);
      bytes.copy(larger, 0, 0, length);
      bytes = larger;
    }
  }
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return "symbolic link";
  if (stats.isDirectory()) return "directory";
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : "device";
}
