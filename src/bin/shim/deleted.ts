import { rmSync, writeFileSync } from "node:fs";
import { codeOf } from "../../core/errors/error.js";
import { type FileStart, readRegularFile } from "../../core/regular-file.js";
import { deletedFile } from "./layout.js";

/** Bytes of an encoded answer, at most: it has four numbers. */
const mostBytes = 4096;

/** Leaves the answer to a deletion in the bundle. What stands there already is replaced: a link is not written through. */
export function writeDeleted(bundle: string, response: Uint8Array): void {
  const path = deletedFile(bundle);
  rmSync(path, { force: true });
  writeFileSync(path, response, { mode: 0o600, flag: "wx" });
}

/** The answer that was left in a bundle; undefined when there is none, or something that no shim has left. */
export function readDeleted(bundle: string): Uint8Array | undefined {
  let start: FileStart;
  try {
    start = readRegularFile(deletedFile(bundle), { most: mostBytes, follow: false });
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "KATA_FILE_KIND"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
  return start.whole && start.stats.uid === process.geteuid?.() ? start.bytes : undefined;
}
