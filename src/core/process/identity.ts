import { closeSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../errors/error.js";
import { processErrors } from "./errors.js";

/**
 * Names one process for good: a pid may be given to another process later, a pid together with its start time is not.
 * Plain data, so that it can be kept on disk and used by another process after a crash.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process: field 22 of `/proc/<pid>/stat`. */
  readonly startTime: string;
}

/** Room for the line: 52 numbers of 20 digits at most, and a name. */
const statSize = 2048;

/** The line in one read, which costs a third of what `readFileSync` takes for a file that says it is empty. */
function readStatText(pid: number): string {
  const descriptor = openSync(`/proc/${pid}/stat`, "r");
  try {
    const line = Buffer.allocUnsafe(statSize);
    return line.toString("latin1", 0, readSync(descriptor, line));
  } finally {
    closeSync(descriptor);
  }
}

function readStat(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  try {
    const text = readStatText(pid);
    // The name in parentheses may itself hold spaces and parentheses; what follows the last one is regular.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, startTime] = [fields[0], fields[19]];
    return state === undefined || startTime === undefined ? undefined : { state, startTime };
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return undefined;
    throw error;
  }
}

/** The identity of a process that runs now; undefined when there is none, or it has ended and is only not yet reaped. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat.state === "Z" || stat.state === "X"
    ? undefined
    : { pid, startTime: stat.startTime };
}

/** Whether exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

/** Checks what was read from a file; undefined when it is not an identity. */
export function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, startTime } = value as Record<string, unknown>;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 2) return undefined;
  if (typeof startTime !== "string" || !/^\d{1,20}$/.test(startTime)) return undefined;
  return { pid, startTime };
}

/**
 * Kills a process that need not be our child, and waits until it is gone. False when it was not there any more;
 * `KATA_PROCESS_STUCK` when it does not go within `ms`.
 */
export async function killByIdentity(name: string, identity: ProcessIdentity, ms = 5000): Promise<boolean> {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) === "ESRCH") return false;
    throw error;
  }
  const end = performance.now() + ms;
  for (let pause = 1; isRunning(identity); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > end)
      throw processErrors.KATA_PROCESS_STUCK({ name, pid: identity.pid, signals: ["SIGKILL"], lines: [] });
    await sleep(pause);
  }
  return true;
}
