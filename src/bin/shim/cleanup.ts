import { statSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { type RecordContent, SandboxRecord } from "../../core/sandbox/record.js";
import { removeUnmounted, undoRecord } from "../../core/sandbox/undo-record.js";
import type { Sys } from "../../core/sys/sys.js";
import { dropClaim, readClaim, removeEmptyParents } from "./claim.js";
import { withLeftovers } from "./claim-lock.js";
import { runDirectory, type ShimName, type ShimRoots, shimDirectory } from "./layout.js";
import { removeSocket } from "./socket.js";

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
  await withLeftovers(sys, roots, name, async () => {
    if (isThere()) await undo(request, directory);
  });
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
  if (record !== undefined) errors.push(...(await undoRecord(sys, record)));
  await attempt(() => sys.mounts.unmountTree(directory, { detach: true }));
  // Without it nobody would know any more what is left.
  if (errors.length === 0) await attempt(() => removeUnmounted(sys, directory));
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

async function removeIfEmpty(path: string): Promise<void> {
  try {
    if ((await readdir(path)).length === 0) await rmdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}
