import { readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../../core/errors/error.js";
import { readRegularFile } from "../../../core/regular-file.js";

/** Of the file, in the daemon's directory. */
const name = "nydusd";

/** Bytes of it that are read, more than it has before it is put aside. */
const mostBytes = 4 << 20;

/**
 * Options that have a nydusd log to a file of a MiB at most, of which it keeps ten old ones, compressed: whoever has started it
 * may be gone, and it aborts when what it logs to a pipe cannot be written.
 */
export const logOptions = (directory: string): string[] => [
  "--log-level",
  "warn",
  "--log-file",
  join(directory, name),
  "--log-rotation-size",
  "1",
];

/** The last lines that a nydusd has logged, oldest first; none when it has not come to that. */
export function lastLogged(directory: string, count: number): string[] {
  try {
    const file = readdirSync(directory).find((one) => one.startsWith(name) && one.endsWith(".log"));
    if (file === undefined) return [];
    const { bytes } = readRegularFile(join(directory, file), { most: mostBytes, follow: false });
    // What comes with an error is where in nydusd it was made.
    const lines = bytes
      .toString("utf8")
      .split("\n")
      .filter((line) => /^\[[^\]]+\] [A-Z]+ /.test(line));
    return lines.slice(-count).map((line) => line.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 500));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
