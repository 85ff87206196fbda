import { readdirSync, readFileSync } from "node:fs";
import { codeOf } from "../errors/error.js";

/** Name of the environment variable by which every process a sandbox starts, and what that forks, is found again. */
export const processMark = "KATA_TS_PROCESS";

/** Name of the one that says whose it is, by the sandbox's run directory: for who cannot read the sandbox's record. */
export const sandboxMark = "KATA_TS_SANDBOX";

/** Codes with which `/proc` answers for a process that is gone, going, or none of our business. */
const hidden = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

function environment(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch (error) {
    if (hidden.has(codeOf(error) ?? "")) return [];
    throw error;
  }
}

/** Pids of the processes that were started with one of these marks, and of all that they forked. */
export function processesMarked(marks: readonly string[]): number[] {
  if (marks.length === 0) return [];
  return processesWith(marks.map((mark) => `${processMark}=${mark}`));
}

/** Pids of all processes that the sandbox of a run directory has started, and of all that they forked. */
export const processesOf = (runDirectory: string): number[] => processesWith([`${sandboxMark}=${runDirectory}`]);

function processesWith(entries: readonly string[]): number[] {
  const wanted = new Set(entries);
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => environment(pid).some((entry) => wanted.has(entry))).map(Number);
}
