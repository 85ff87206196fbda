import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { type FileStart, readRegularFile } from "../../core/regular-file.js";
import { strangers } from "../../core/sandbox/own-file.js";
import { shimErrors } from "./errors.js";

/** Bytes of what a shim notes of itself, at most. */
const mostBytes = 64 * 1024;

/**
 * The text of a file that shims keep for each other; undefined when there is none. One that others than this user may have put
 * there, or written, is `KATA_SHIM_UNTRUSTED`: a link, another user's, one or a directory that others may write to.
 */
export function readOwnFile(path: string): string | undefined {
  let start: FileStart;
  try {
    assertOwn(dirname(path));
    start = readRegularFile(path, { most: mostBytes, follow: false });
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code !== "KATA_FILE_KIND") throw error;
    throw shimErrors.KATA_SHIM_UNTRUSTED({ path, problem: "it is no regular file" }, { cause: error });
  }
  const problem = strangers(path, start.stats) ?? (start.whole ? undefined : `it has more than ${mostBytes} bytes`);
  if (problem !== undefined) throw shimErrors.KATA_SHIM_UNTRUSTED({ path, problem });
  return start.bytes.toString("utf8");
}

/** `KATA_SHIM_UNTRUSTED` for a directory into which others than this user may put something; Node's error when there is none. */
export function assertOwn(directory: string): void {
  const stats = lstatSync(directory);
  const problem = stats.isDirectory() ? strangers(directory, stats) : "it is no directory";
  if (problem !== undefined) throw shimErrors.KATA_SHIM_UNTRUSTED({ path: directory, problem });
}
