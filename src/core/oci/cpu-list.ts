/** CPUs or memory nodes the kernel can have (`CONFIG_NR_CPUS` is 8192 at most). */
const most = 8192;

/** What `readCpuList` reads, for errors. */
export const cpuListForm = `a list of numbers below ${most}, like 0-3,8`;

/**
 * The numbers of a list of CPUs or memory nodes as the kernel and the runtime specification have it (`0-3,8`), in order, each
 * once; none for an empty one, undefined for what is no list.
 */
export function readCpuList(text: string): number[] | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || last < first || last >= most) return undefined;
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
