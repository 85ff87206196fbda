import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { codeOf } from "../../core/errors/error.js";
import { snapshotErrors } from "./errors.js";

/**
 * Opens a file of a saved machine to be read: what is in it decides what a machine does, so it must be ours alone.
 * `KATA_VMM_SNAPSHOT_MISSING`, and `KATA_VMM_SNAPSHOT_OWNER` for one that others may have written, or could read.
 */
export function openTrusted(path: string): number {
  const fd = open(path);
  try {
    const { uid, mode } = fstatSync(fd);
    const user = process.geteuid?.();
    const refuse = (problem: string): never => {
      throw snapshotErrors.KATA_VMM_SNAPSHOT_OWNER({ path, problem });
    };
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) refuse("it is no regular file");
    if (uid !== user) refuse(`it belongs to user ${uid}, this is user ${user}`);
    if ((mode & 0o077) !== 0) refuse(`its mode is 0${(mode & 0o777).toString(8)}`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Reads such a file's text; errors as of `openTrusted`. */
export function readTrusted(path: string): string {
  const fd = openTrusted(path);
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") throw snapshotErrors.KATA_VMM_SNAPSHOT_MISSING({ path }, { cause });
    if (codeOf(cause) !== "ELOOP") throw cause;
    throw snapshotErrors.KATA_VMM_SNAPSHOT_OWNER({ path, problem: "it is a symbolic link" }, { cause });
  }
}
