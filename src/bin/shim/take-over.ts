import { renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isRunning } from "../../core/process/identity.js";
import { withLeftovers } from "../../core/runtime/leftovers-lock.js";
import { stateFile } from "../../core/sandbox/state-file.js";
import type { Sys } from "../../core/sys/sys.js";
import { readClaim, type ShimClaim } from "./claim.js";
import { shimErrors } from "./errors.js";
import { runDirectory, type ShimName, type ShimRoots, shimDirectory } from "./layout.js";

/** What a claim is taken over with. */
export interface TakeOverRequest {
  readonly sys: Pick<Sys, "files">;
  readonly roots: ShimRoots;
  readonly name: ShimName;
  /** Who goes on. */
  readonly process: ShimClaim["process"];
  /** Where the shim must have listened; anywhere when absent. */
  readonly socket?: string;
}

/** Whether there is something to go on with: it need not be any good. */
export function hasState(roots: ShimRoots, name: ShimName): boolean {
  return statSync(stateFile(runDirectory(roots, name)), { throwIfNoEntry: false }) !== undefined;
}

/**
 * Makes a process the one that serves a sandbox whose shim is dead and has left its state; at the same socket, whose address
 * is known to others. Undefined when there is no such sandbox, or somebody else was faster.
 */
export async function takeOver(request: TakeOverRequest): Promise<ShimClaim | undefined> {
  const { sys, roots, name } = request;
  if (readClaim(roots, name) === undefined) return undefined;
  return withLeftovers(sys, roots, name, async () => {
    const left = readClaim(roots, name);
    if (left === undefined || isRunning(left.process) || !hasState(roots, name)) return undefined;
    if (!isSocketName(roots, left.socket) || (request.socket ?? left.socket) !== left.socket) return undefined;
    const directory = shimDirectory(roots, name);
    const { pid, startTime } = request.process;
    const prepared = join(directory, `.daemon-${pid}`);
    try {
      writeFileSync(prepared, `${pid} ${startTime} ${left.socket}\n`, { mode: 0o600 });
      renameSync(prepared, join(directory, "daemon"));
    } catch (error) {
      throw shimErrors.KATA_SHIM_STATE({ path: directory }, { cause: error });
    }
    return { process: request.process, socket: left.socket };
  });
}

/** Whether a path is one that a shim listens on: what is there will be replaced. */
const isSocketName = (roots: ShimRoots, path: string): boolean =>
  dirname(path) === roots.sockets && /^\d{1,20}-\d{1,20}$/.test(basename(path));
