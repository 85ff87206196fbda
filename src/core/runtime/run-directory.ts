import { chmodSync, mkdirSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../errors/error.js";
import { makeDirectories } from "../make-directories.js";
import { removeUnmounted } from "../sandbox/undo-record.js";
import type { Sys } from "../sys/sys.js";
import { runtimeErrors } from "./errors.js";

/** How often directories are made again when the last sandbox of the namespace removes them at that moment. */
const attempts = 5;

/** Makes a sandbox's run directory, mode 0700; `KATA_SANDBOX_EXISTS` when it is there, `KATA_SANDBOX_DIRECTORY`. */
export async function makeRunDirectory(id: string, directory: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      // Node's asynchronous one calls a full disk ENOENT.
      makeDirectories(dirname(directory), 0o711);
      mkdirSync(directory, { mode: 0o700 });
      return chmodSync(directory, 0o700);
    } catch (error) {
      const code = codeOf(error);
      if (code === "EEXIST") throw runtimeErrors.KATA_SANDBOX_EXISTS({ id, directory }, { cause: error });
      if (code === "ENOENT" && attempt < attempts) continue;
      await removeIfEmpty(dirname(directory));
      throw runtimeErrors.KATA_SANDBOX_DIRECTORY({ directory }, { cause: error });
    }
  }
}

/**
 * Removes the directory, and its namespace's when that was the last one in it. Nothing leads out of it, neither a link nor a mount:
 * while something is mounted there it stays, `KATA_SHIM_LEFTOVER`.
 */
export async function removeRunDirectory(sys: Sys, directory: string): Promise<void> {
  await removeUnmounted(sys, directory);
  await removeIfEmpty(dirname(directory));
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "ENOENT") throw error;
  });
}
