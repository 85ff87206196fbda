import { writeSync } from "node:fs";
import { codeOf } from "../../core/errors/error.js";
import { formatLine, type LogSink } from "../../core/log.js";

/** Codes with which a write says that there is no room now. */
const noRoom = new Set(["EAGAIN", "EWOULDBLOCK", "ENOSPC", "EPIPE"]);

/**
 * Writes lines to a descriptor that does not block, and never waits: while nobody reads, lines are dropped and counted, and
 * the first that fits again is told how many. A line that fits only in part is finished before the next one.
 */
export function descriptorSink(descriptor: number, write: typeof writeSync = writeSync): LogSink {
  let rest: Buffer | undefined;
  let dropped = 0;

  /** False when there is no room at all. */
  const put = (bytes: Buffer): boolean => {
    try {
      const written = write(descriptor, bytes);
      rest = written < bytes.length ? bytes.subarray(written) : undefined;
      return true;
    } catch (error) {
      if (noRoom.has(codeOf(error) ?? "")) return false;
      throw error;
    }
  };

  return (line) => {
    const fits =
      (rest === undefined || (put(rest) && rest === undefined)) &&
      (dropped === 0 ||
        put(Buffer.from(`${formatLine(new Date(), "warn", "log lines were lost", { lines: dropped })}\n`)));
    if (fits) dropped = 0;
    if (!fits || rest !== undefined || !put(Buffer.from(`${line}\n`))) dropped++;
  };
}
