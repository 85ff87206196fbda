import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { isRunning, parseIdentity, type ProcessIdentity } from "../../core/process/identity.js";
import { shimErrors } from "./errors.js";
import { type ShimName, type ShimRoots, shimDirectory, shimsDirectory } from "./layout.js";
import { assertOwn, readOwnFile } from "./own-files.js";

/** How often the directories are made when another shim removes them at that moment. */
const attempts = 5;

/** Who serves a sandbox, as its `daemon` file says. */
export interface ShimClaim {
  readonly process: ProcessIdentity;
  readonly socket: string;
}

/**
 * Who claimed a sandbox; undefined when nobody did, or wrote something else there. What others than this user may have written
 * is `KATA_SHIM_UNTRUSTED`: the process it names would be killed, and its socket dialled.
 */
export function readClaim(roots: ShimRoots, name: ShimName): ShimClaim | undefined {
  const text = readOwnFile(join(shimDirectory(roots, name), "daemon"));
  if (text === undefined) return undefined;
  const [pid, startTime, socket = ""] = text.trimEnd().split(" ");
  const identity = parseIdentity({ pid: Number(pid), startTime });
  return identity === undefined || !socket.startsWith("/") ? undefined : { process: identity, socket };
}

/** Whether a shim that claimed a sandbox still runs. */
export function isClaimed(roots: ShimRoots, name: ShimName): boolean {
  const claim = readClaim(roots, name);
  return claim !== undefined && isRunning(claim.process);
}

/**
 * Makes this process the one that serves a sandbox: true for one process at a time. The launcher reads the same file:
 * `<pid> <start time> <socket>`.
 */
export function takeClaim(
  roots: ShimRoots,
  name: ShimName,
  { process: { pid, startTime }, socket }: ShimClaim,
): boolean {
  const directory = shimDirectory(roots, name);
  const text = `${pid} ${startTime} ${socket}\n`;
  for (let attempt = 0; ; attempt++) {
    let prepared: string | undefined;
    try {
      if (attempt > 0) {
        mkdirSync(roots.run, { recursive: true, mode: 0o711 });
        mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
      }
      prepared = mkdtempSync(join(dirname(directory), ".new-"));
      assertOwn(dirname(directory));
      writeFileSync(join(prepared, "daemon"), text, { mode: 0o600 });
      // A directory takes the place of another one only if that is empty, so there is one winner.
      renameSync(prepared, directory);
      return true;
    } catch (error) {
      if (prepared !== undefined) rmSync(prepared, { recursive: true, force: true });
      if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;
      if (codeOf(error) === "KATA_SHIM_UNTRUSTED") throw error;
      // This is the namespace's first shim, or its last one has just taken the directories away.
      if (codeOf(error) === "ENOENT" && attempt < attempts) continue;
      removeEmptyParents(roots, name);
      throw shimErrors.KATA_SHIM_STATE({ path: directory }, { cause: error });
    }
  }
}

/** Gives a sandbox up. */
export function dropClaim(roots: ShimRoots, name: ShimName): void {
  const directory = shimDirectory(roots, name);
  const removed = join(dirname(directory), `.old-${process.pid}-${performance.now()}`);
  try {
    // In one step: a shim that starts meanwhile must not lose its own.
    renameSync(directory, removed);
    rmSync(removed, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw shimErrors.KATA_SHIM_STATE({ path: directory }, { cause: error });
  }
  removeEmptyParents(roots, name);
}

/** Removes the directories of shims that no shim is in any more. */
export function removeEmptyParents(roots: ShimRoots, name: ShimName): void {
  for (const path of [dirname(shimDirectory(roots, name)), shimsDirectory(roots)]) {
    try {
      rmdirSync(path);
    } catch (error) {
      const code = codeOf(error);
      if (code === "ENOTEMPTY" || code === "EEXIST") return;
      if (code !== "ENOENT") throw shimErrors.KATA_SHIM_STATE({ path }, { cause: error });
    }
  }
}
