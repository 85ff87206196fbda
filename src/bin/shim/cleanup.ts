import { statSync } from "node:fs";
import { withLeftovers } from "../../core/runtime/leftovers-lock.js";
import { undoSandbox } from "../../core/runtime/undo-sandbox.js";
import type { Sys } from "../../core/sys/sys.js";
import { dropClaim, readClaim, removeEmptyParents } from "./claim.js";
import { runDirectory, type ShimName, type ShimRoots, shimDirectory } from "./layout.js";
import { removeSocket } from "./socket.js";

/** What is to be undone, and with what. */
export interface CleanUpRequest {
  readonly sys: Sys;
  readonly roots: ShimRoots;
  readonly name: ShimName;
}

/**
 * Undoes what a sandbox left whose shim is dead (`undoSandbox`), then its claim and its socket. Idempotent, and one at a time:
 * whoever comes second finds nothing. Everything is tried; what could not be undone is in the `AggregateError`, and the claim
 * stays then.
 */
export async function cleanUpSandbox({ sys, roots, name }: CleanUpRequest): Promise<void> {
  const isThere = () =>
    [shimDirectory(roots, name), runDirectory(roots, name)].some(
      (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
    );
  if (!isThere()) return;
  await withLeftovers(sys, roots, name, async () => {
    if (!isThere()) return;
    const errors = await undoSandbox({ sys, run: roots.run, ...name });
    if (errors.length === 0) errors.push(...giveUpClaim(roots, name));
    if (errors.length > 0) throw new AggregateError(errors, `the sandbox "${name.sandboxId}" is not cleaned up`);
    removeEmptyParents(roots, name);
  });
}

/** Gives the error that it fails with. */
function giveUpClaim(roots: ShimRoots, name: ShimName): unknown[] {
  try {
    const socket = readClaim(roots, name)?.socket;
    if (socket !== undefined) removeSocket(socket);
    dropClaim(roots, name);
    return [];
  } catch (error) {
    return [error];
  }
}
