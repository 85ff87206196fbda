import { readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../errors/error.js";
import { recordErrors } from "../sandbox/record-errors.js";
import { type RecordContent, recordFile, SandboxRecord } from "../sandbox/record.js";
import { killAllOf, removeUnmounted, undoRecord } from "../sandbox/undo-record.js";
import { cleanupStale } from "../share-fs/cleanup-stale.js";
import type { Sys } from "../sys/sys.js";

/** A sandbox, by its name and where the runtime works. */
export interface SandboxName {
  readonly namespace: string;
  readonly sandboxId: string;
}

/** Whose leftovers are undone, and with what. */
export interface UndoRequest extends SandboxName {
  readonly sys: Sys;
  /** `/run/kata-ts` */
  readonly run: string;
}

/**
 * Undoes what a sandbox left whose process is dead: its processes, then its mounts, then its files, as its record has them.
 * The guest is not asked. Idempotent. Everything is tried; gives the errors of what could not be undone. Where the record
 * cannot be read, or believed, that is an error, and what is known without it is undone: processes that say whose they are,
 * and the shared tree. The rest stays, with its directory.
 */
export async function undoSandbox({ sys, run, namespace, sandboxId }: UndoRequest): Promise<unknown[]> {
  const directory = join(run, namespace, sandboxId);
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<unknown>): Promise<void> => {
    await step().catch((error: unknown) => errors.push(error));
  };
  let record: RecordContent | undefined;
  await attempt(async () => {
    record = SandboxRecord.load(directory)?.content;
    if (record !== undefined) assertOwn(directory, record, { namespace, sandboxId });
  });
  if (errors.length > 0) {
    await attempt(() => killAllOf(directory));
    await attempt(() => cleanupStale(sys, { root: join(run, "shared"), namespace, sandboxId }));
  } else if (record !== undefined) errors.push(...(await undoRecord(sys, record)));
  await attempt(() => sys.mounts.unmountTree(directory, { detach: true }));
  // Without it nobody would know any more what is left.
  if (errors.length === 0) await attempt(() => removeUnmounted(sys, directory));
  if (errors.length === 0) await attempt(() => removeIfEmpty(dirname(directory)));
  return errors;
}

/** A record that was moved here from another sandbox would have that one undone. */
function assertOwn(directory: string, { namespace, sandboxId }: RecordContent, name: SandboxName): void {
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
