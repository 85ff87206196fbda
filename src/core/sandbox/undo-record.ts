import { readFileSync, statSync, unlinkSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../errors/error.js";
import { undoNetwork } from "../network/undo.js";
import { killByIdentity } from "../process/identity.js";
import type { Sys } from "../sys/sys.js";
import { processesMarked, processesOf } from "./process-mark.js";
import type { RecordContent, RecordedPath } from "./record.js";
import { recordErrors } from "./record-errors.js";

/** Milliseconds a process takes to end, or a cgroup stays busy, at most, after the processes were killed. */
const busyTime = 2_000;

/**
 * Undoes what a sandbox's record names: its processes and its units, then what it changed of the network, then its mounts, then
 * its files. The guest is not asked. Everything is tried; gives the errors of what could not be undone. Idempotent.
 */
export async function undoRecord(sys: Sys, record: RecordContent): Promise<unknown[]> {
  const { processes, paths, network } = record;
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<unknown>): Promise<void> => {
    await step().catch((error: unknown) => errors.push(error));
  };
  await attempt(() => killAll(processes));
  for (const { path } of paths.filter(({ kind }) => kind === "unit")) await attempt(() => stopUnit(path, record));
  for (const noted of network.toReversed()) await attempt(() => undoNetwork(sys, noted));
  for (const path of paths.toReversed()) await attempt(() => unmount(sys, path));
  for (const path of paths.toReversed()) await attempt(() => remove(sys, path));
  return errors;
}

/** Kills what the record names and what was forked from it, until nothing is left. */
async function killAll(processes: RecordContent["processes"]): Promise<void> {
  for (const { name, identity } of processes) {
    if (identity !== undefined) await killByIdentity(name, identity);
  }
  const marks = processes.map((one) => one.mark);
  await killFound(() => processesMarked(marks));
}

/** Kills all that the sandbox of a run directory has started, for who cannot read its record. */
export const killAllOf = (runDirectory: string): Promise<void> => killFound(() => processesOf(runDirectory));

async function killFound(find: () => number[]): Promise<void> {
  const end = performance.now() + busyTime;
  for (let pids = find(); pids.length > 0; pids = find()) {
    if (performance.now() > end)
      throw recordErrors.KATA_SHIM_LEFTOVER({ what: `the processes ${pids.join(", ")} do not end` });
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
  if (kind === "mount" || kind === "unit") return;
  if (kind === "tree") return removeUnmounted(sys, path);
  try {
    if (kind === "file") unlinkSync(path);
    else if (kind === "shared directory") await rmdir(path);
    else await removeBusyDirectory(path);
  } catch (error) {
    const code = codeOf(error) ?? "";
    const others = kind === "shared directory" && (code === "ENOTEMPTY" || code === "EBUSY");
    if (code !== "ENOENT" && !others) throw error;
  }
}

/** Few sandboxes have units, and who undoes one that has none needs nothing of this. */
async function stopUnit(path: string, record: RecordContent): Promise<void> {
  const [{ hostUnits, undoUnit }, { unitDescription }] = await Promise.all([
    import("../systemd/host.js"),
    import("../systemd/units.js"),
  ]);
  // On v2 systemd does not see processes whose threads are in a cgroup inside of the unit's.
  await undoUnit(basename(path), unitDescription(record), hostUnits(), () => killFound(() => processesIn(path)));
}

/** The processes of a cgroup of version 2, and of those inside of it that are threaded; none when it is not there. */
function processesIn(path: string): number[] {
  try {
    const pids = readFileSync(join(path, "cgroup.procs"), "utf8").split("\n");
    return pids.map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENODEV") return [];
    throw error;
  }
}

/**
 * Removes a directory with all in it, unless something is still mounted there. Nothing leads out of it: neither a link in it,
 * nor a mount that is not seen because the path to the directory has a link.
 */
export async function removeUnmounted(sys: Sys, path: string): Promise<void> {
  const [mount] = sys.mounts.below(path);
  if (mount !== undefined) throw recordErrors.KATA_SHIM_LEFTOVER({ what: `something is mounted below ${path}` });
  if (statSync(dirname(path), { throwIfNoEntry: false }) === undefined) return;
  await sys.files.removeTreeBeneath(dirname(path), basename(path));
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
