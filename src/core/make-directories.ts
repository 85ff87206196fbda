import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "./errors/error.js";

/**
 * Makes a directory with those above it that are missing, each with `mode`; no error when it is there. Node's own way
 * (`recursive`) never ends where a file system takes no directories, such as /proc, and paths come from outside.
 */
export function makeDirectories(path: string, mode: number): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  if (dirname(path) !== path) makeDirectories(dirname(path), mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}
