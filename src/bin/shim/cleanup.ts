import { rmSync, statSync, unlinkSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../core/errors/error.js";
import { undoNetwork } from "../../core/network/undo.js";
import { killByIdentity } from "../../core/process/identity.js";
import { processesMarked } from "../../core/sandbox/process-mark.js";
import { type RecordContent, type RecordedPath, SandboxRecord } from "../../core/sandbox/record.js";
import type { Sys } from "../../core/sys/sys.js";
import { dropClaim, readClaim, removeEmptyParents } from "./claim.js";
import { shimErrors } from "./errors.js";
import { runDirectory, type ShimName, type ShimRoots, shimDirectory } from "./layout.js";
import { removeSocket } from "./socket.js";

/** Milliseconds another process may take that undoes the same. */
const lockTime = 30_000;
/** Milliseconds a cgroup stays busy at most after its last process was killed. */
const busyTime = 2_000;

/** What is to be undone, and with what. */
export interface CleanUpRequest {
  readonly sys: Sys;
  readonly roots: ShimRoots;
  readonly name: ShimName;
}

/**
 * Undoes what a sandbox left whose shim is dead: its processes, then its mounts, then its files, as its record has them.
 * The guest is not asked. Idempotent, and one at a time: whoever comes second finds nothing. Everything is tried;
 * what could not be undone is in the `AggregateError`.
 */
export async function cleanUpSandbox(request: CleanUpRequest): Promise<void> {
  const { sys, roots, name } = request;
  const claimed = shimDirectory(roots, name);
  const directory = runDirectory(roots, name);
  const isThere = () => [claimed, directory].some((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  if (!isThere()) return;
  const lockPath = join(roots.run, `.lock-${name.namespace}-${name.sandboxId}`.slice(0, 255));
  const what = `another process to clean up the sandbox "${name.sandboxId}"`;
  const lock = await sys.files.lock(lockPath, { ms: lockTime, what });
  try {
    if (isThere()) await undo(request, directory);
  } finally {
    rmSync(lockPath, { force: true });
    lock.release();
  }
}

async function undo({ sys, roots, name }: CleanUpRequest, directory: string): Promise<void> {
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<unknown>): Promise<void> => {
    await step().catch((error: unknown) => errors.push(error));
  };
  let record: RecordContent | undefined;
  await attempt(async () => {
    record = SandboxRecord.load(directory)?.content;
  });
  if (record !== undefined) {
    const { processes, paths, network } = record;
    await attempt(() => killAll(processes));
    for (const noted of network.toReversed()) await attempt(() => undoNetwork(sys, noted));
    for (const path of paths.toReversed()) await attempt(() => unmount(sys, path));
    for (const path of paths.toReversed()) await attempt(() => remove(sys, path));
  }
  await attempt(() => sys.mounts.unmountTree(directory, { detach: true }));
  // Without it nobody would know any more what is left.
  if (errors.length === 0) await attempt(() => removeTree(sys, directory));
  if (errors.length === 0) {
    await attempt(async () => {
      const socket = readClaim(roots, name)?.socket;
      if (socket !== undefined) removeSocket(socket);
      dropClaim(roots, name);
      await removeIfEmpty(dirname(directory));
    });
  }
  if (errors.length > 0) throw new AggregateError(errors, `the sandbox "${name.sandboxId}" is not cleaned up`);
  removeEmptyParents(roots, name);
}

/** Kills what the record names and what was forked from it, until nothing is left. */
async function killAll(processes: RecordContent["processes"]): Promise<void> {
  for (const { name, identity } of processes) {
    if (identity !== undefined) await killByIdentity(name, identity);
  }
  const marks = processes.map((one) => one.mark);
  const end = performance.now() + busyTime;
  for (let pids = processesMarked(marks); pids.length > 0; pids = processesMarked(marks)) {
    if (performance.now() > end)
      throw shimErrors.KATA_SHIM_LEFTOVER({ what: `the processes ${pids.join(", ")} do not end` });
    for (const pid of pids) kill(pid);
    await sleep(5);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}

async function unmount(sys: Sys, { kind, path }: RecordedPath): Promise<void> {
  if (kind === "mount" || kind === "tree") await sys.mounts.unmountTree(path, { detach: true });
}

async function remove(sys: Sys, { kind, path }: RecordedPath): Promise<void> {
  if (kind === "mount") return;
  if (kind === "tree") return removeTree(sys, path);
  try {
    if (kind === "file") unlinkSync(path);
    else await removeBusyDirectory(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** Removes a directory with all in it, unless something is still mounted there. */
async function removeTree(sys: Sys, path: string): Promise<void> {
  const [mount] = sys.mounts.below(path);
  if (mount !== undefined) throw shimErrors.KATA_SHIM_LEFTOVER({ what: `something is mounted below ${path}` });
  await rm(path, { recursive: true, force: true });
}

/** Removes an empty directory; a cgroup's is busy until the kernel has done with its last process. */
async function removeBusyDirectory(path: string): Promise<void> {
  const end = performance.now() + busyTime;
  for (;;) {
    try {
      return await rmdir(path);
    } catch (error) {
      if (codeOf(error) !== "EBUSY" || performance.now() > end) throw error;
      await sleep(20);
    }
  }
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    if ((await readdir(path)).length === 0) await rmdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}
