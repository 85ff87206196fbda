import type { RecordedNetwork, SandboxRecord } from "../sandbox/record.js";
import type { Sys } from "../sys/sys.js";
import { undoNetwork } from "./undo.js";

/**
 * Undoes the changes of the network that a sandbox's record holds and that `mine` picks, the last first. All are tried;
 * what could not be undone stays noted.
 */
export async function undoRecorded(
  sys: Sys,
  record: SandboxRecord,
  mine: (noted: RecordedNetwork) => boolean,
): Promise<void> {
  const errors: unknown[] = [];
  for (const noted of record.content.network.filter(mine).toReversed()) {
    try {
      await undoNetwork(sys, noted);
      record.forgetNetwork(noted);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, "undoing changes of the pod's network");
}
