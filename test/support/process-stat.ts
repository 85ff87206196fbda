import { readFileSync } from "node:fs";

/** What a process belongs to: fields 5 and 6 of `/proc/<pid>/stat`, see proc(5). */
export function processGroups(pid: number): { readonly group: number; readonly session: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name before them stands in parentheses and may itself hold some.
  const [, , group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { group: Number(group), session: Number(session) };
}
