import { cgroupErrors } from "./errors.js";

/** CPUs or memory nodes the kernel can have (`CONFIG_NR_CPUS` is 8192 at most). */
const most = 8192;

/** What a cgroup has when nothing is asked of it: one that holds processes cannot have none, so it is that of the one above. */
export interface InheritedCpus {
  readonly cpus: string;
  readonly mems: string;
}

/**
 * The numbers of a list as `cpuset.cpus` and `cpuset.mems` have it (`0-3,8`), in order, each once; none for an empty one.
 * `KATA_CGROUP_VALUE` names `limit`, which the list was written as.
 */
export function parseCpuList(text: string, limit: string): number[] {
  const numbers = new Set<number>();
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || last < first || last >= most) {
      const value = JSON.stringify(text.slice(0, 200));
      throw cgroupErrors.KATA_CGROUP_VALUE({ limit, value, expected: `a list of numbers below ${most}, like 0-3,8` });
    }
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** The list as the kernel has it: `0-3,8`. */
export function formatCpuList(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && open.last === number - 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
