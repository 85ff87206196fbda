import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { isRunning } from "../../core/process/identity.js";
import { processesMarked } from "../../core/sandbox/process-mark.js";
import { recordFile, SandboxRecord } from "../../core/sandbox/record.js";
import { stateErrors } from "../../core/sandbox/state-errors.js";
import { loadState } from "../../core/sandbox/state-file.js";
import { readAddress } from "./bundle-address.js";
import { readClaim } from "./claim.js";
import { runDirectory, type ShimName, type ShimRoots, shimsDirectory } from "./layout.js";
import { readStart, type StartParameters } from "./start-parameters.js";

/** What there is of a sandbox. */
export type Leftover =
  /** Its shim lives, or the program whose own it is. */
  | { readonly kind: "served"; readonly pid: number }
  /** Its shim is dead and its machine, with this pid, is not: one started with these can go on with it. */
  | {
      readonly kind: "recoverable";
      readonly pid: number;
      readonly containers: readonly string[];
      readonly start: StartParameters;
    }
  /** Its process is dead and nobody can go on with it; `alive` when some of its processes still run. */
  | { readonly kind: "lost"; readonly alive: boolean; readonly reason: unknown };

/** The names of all sandboxes: those that a shim has claimed, and those of other programs, whether these live or not. */
export function knownSandboxes(roots: ShimRoots): ShimName[] {
  const claimed = namesBelow(shimsDirectory(roots));
  const isClaimed = ({ namespace, sandboxId }: ShimName): boolean =>
    claimed.some((one) => one.namespace === namespace && one.sandboxId === sandboxId);
  const recorded = namesBelow(roots.run).filter((name) => existsSync(recordFile(runDirectory(roots, name))));
  return [...claimed, ...recorded.filter((name) => !isClaimed(name))];
}

const namesBelow = (directory: string): ShimName[] =>
  names(directory).flatMap((namespace) =>
    names(join(directory, namespace)).map((sandboxId) => ({ namespace, sandboxId })),
  );

/** Names that begin with a dot are of claims that are being made or given up. */
function names(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

/** Looks at a sandbox; changes nothing. */
export function inspect(roots: ShimRoots, name: ShimName): Leftover {
  const claim = readClaim(roots, name);
  if (claim !== undefined && isRunning(claim.process)) return { kind: "served", pid: claim.process.pid };
  const directory = runDirectory(roots, name);
  try {
    const { namespace, sandboxId: id } = name;
    const record = SandboxRecord.load(directory);
    const owner = record?.content.owner;
    if (claim === undefined && owner !== undefined && isRunning(owner)) return { kind: "served", pid: owner.pid };
    const state = loadState(directory, { namespace, id });
    const pid = record?.running(state.hypervisor.name)?.identity.pid;
    const refuse = (problem: string) => stateErrors.KATA_RECOVER_PART({ what: `the sandbox "${id}"`, problem });
    if (claim === undefined) throw refuse("no shim has made it, and the program that did has ended");
    if (pid === undefined) throw refuse(`its machine (${state.hypervisor.name}) does not run any more`);
    const start = readStart(roots, name);
    if (start === undefined) throw refuse("it is not known how its shim was started");
    if (readAddress(start.bundle) !== `unix://${claim.socket}`)
      throw refuse(`its bundle ${start.bundle} is gone, or is that of another container`);
    return { kind: "recoverable", pid, containers: state.containers.map((one) => one.request.containerId), start };
  } catch (reason) {
    return { kind: "lost", alive: hasProcesses(directory), reason };
  }
}

/** Whether something runs that the sandbox has started; a record that cannot be read is taken to say so. */
function hasProcesses(directory: string): boolean {
  try {
    const processes = SandboxRecord.load(directory)?.content.processes ?? [];
    return processesMarked(processes.map((one) => one.mark)).length > 0;
  } catch {
    return true;
  }
}
