import { readFileSync } from "node:fs";
import { familyOf } from "./process-memory.js";

/** Milliseconds of a tick, by which Linux tells programs of CPU time (USER_HZ). */
const tickMs = 10;

/** Milliseconds that a process, and all it has started that still runs, have been on CPUs. */
export function cpuTime(pid: number): number {
  return familyOf(pid).reduce((sum, one) => sum + ticksOf(one), 0) * tickMs;
}

/** User and system time of a process with all its threads: fields 14 and 15 of /proc/PID/stat (proc(5)). */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is a name that may have anything in it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
