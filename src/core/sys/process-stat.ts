/** What the runtime reads from /proc/PID/stat, proc_pid_stat(5). */
export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  /** One letter: `R`, `S`, `Z` for a zombie, ... */
  readonly state: string;
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly startTime: bigint;
}

/** Parses a stat line; the name may hold blanks and parentheses. Undefined when it is none. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf(" (");
  const close = text.lastIndexOf(") ");
  if (open < 1 || close < open) return undefined;
  const fields = text
    .slice(close + 2)
    .trim()
    .split(" ");
  const startTime = fields[19] ?? "";
  const pid = Number(text.slice(0, open));
  const parent = Number(fields[1]);
  if (!Number.isInteger(pid) || !Number.isInteger(parent) || !/^\d+$/.test(startTime)) return undefined;
  return { pid, name: text.slice(open + 2, close), state: fields[0] ?? "", parent, startTime: BigInt(startTime) };
}
