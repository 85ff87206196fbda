import { statSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { recordErrors } from "../../core/sandbox/record-errors.js";
import { type RecordContent, recordFile, SandboxRecord } from "../../core/sandbox/record.js";
import { killAllOf, removeUnmounted, undoRecord } from "../../core/sandbox/undo-record.js";
import { cleanupStale } from "../../core/share-fs/cleanup-stale.js";
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
 * what could not be undone is in the `AggregateError`. Where the record cannot be read, or believed, that is an error, and what
 * is known without it is undone: processes that say whose they are, and the shared tree. The rest stays, with its directory.
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
    if (record !== undefined) assertOwn(directory, record, name);
  });
  if (errors.length > 0) {
    await attempt(() => killAllOf(directory));
    await attempt(() => cleanupStale(sys, { root: join(roots.run, "shared"), ...name }));
  } else if (record !== undefined) errors.push(...(await undoRecord(sys, record)));
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

/** A record that was moved here from another sandbox would have that one undone. */
function assertOwn(directory: string, { namespace, sandboxId }: RecordContent, name: ShimName): void {
  if (namespace === name.namespace && sandboxId === name.sandboxId) return;
  const problem = `it is that of the sandbox "${sandboxId}" of the namespace "${namespace}"`;
  throw recordErrors.KATA_RECORD_BROKEN({ file: recordFile(directory), problem });
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    if ((await readdir(path)).length === 0) await rmdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}
