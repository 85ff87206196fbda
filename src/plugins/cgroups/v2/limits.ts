import { parseBlockIo } from "../../../core/cgroup/block-io.js";
import { type InheritedCpus, parseCpuList } from "../../../core/cgroup/cpu-list.js";
import type { Limit, LimitText } from "../../../core/cgroup/limit-files.js";
import { isLimit, memoryWithin } from "../../../core/cgroup/memory-swap.js";
import { formatCpuList } from "../../../core/oci/cpu-list.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";

/** The kernel's own period, in microseconds, where none was written. */
const usualPeriod = 100_000;
const at = "linux.resources";

/**
 * `cpu.weight` (1 to 10000, usual 100) of v1's `cpu.shares` (2 to 262144, usual 1024), as runc and crun convert it: the ends
 * become the ends.
 */
export function weightOfShares(shares: number): number {
  const kept = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((kept - 2) * 9999) / 262_142);
}

/** `io.weight` (1 to 10000) of v1's weight (10 to 1000), as runc converts it. */
export function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/** `linux.resources` as the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). What is unlimited is left out. */
export function limitsOf(resources: OciLinuxResources, inherited: InheritedCpus): Limit[] {
  const { cpu = {}, memory = {}, pids } = resources;
  const limits: Limit[] = [];
  const add = (controller: string, name: string, file: string, value: string, reset: string) =>
    limits.push({ controller, name: `${at}.${name}`, choices: [{ file, value, reset }] });
  for (const field of ["cpus", "mems"] as const) {
    const list = formatCpuList(parseCpuList(cpu[field] ?? "", `${at}.cpu.${field}`));
    if (list !== "") add("cpuset", `cpu.${field}`, `cpuset.${field}`, list, inherited[field]);
  }
  if (cpu.shares) add("cpu", "cpu.shares", "cpu.weight", String(weightOfShares(cpu.shares)), "100");
  if (isLimit(cpu.quota)) {
    const period = isLimit(cpu.period) ? cpu.period : usualPeriod;
    add("cpu", "cpu.quota", "cpu.max", `${cpu.quota} ${period}`, `max ${usualPeriod}`);
  }
  if (isLimit(memory.reservation)) {
    add("memory", "memory.reservation", "memory.low", String(memory.reservation), "0");
  }
  if (isLimit(memory.limit)) add("memory", "memory.limit", "memory.max", String(memory.limit), "max");
  if (isLimit(memory.swap)) limits.push(swapOf(memory.swap, memory.limit));
  if (isLimit(pids?.limit)) add("pids", "pids.limit", "pids.max", String(pids?.limit), "max");
  return [...limits, ...ioLimits(resources)];
}

/** OCI's swap is memory and swap together, that of v2 is swap alone. A kernel without swap accounting has no such file. */
function swapOf(swap: number, limit: number | undefined): Limit {
  const name = `${at}.memory.swap`;
  const memory = memoryWithin(swap, limit, name);
  const text = { file: "memory.swap.max", value: String(swap - memory), reset: "max" };
  return { controller: "memory", name, choices: [text], optional: true };
}

function ioLimits({ blockIO }: OciLinuxResources): Limit[] {
  const { weight, weights, throttles } = parseBlockIo(blockIO);
  const limits: Limit[] = [];
  // The scheduler BFQ has weights of its own, on the old scale; others go by the controller's.
  const weigh = (name: string, value: number, device: string) => {
    const text = (file: string, number: number): LimitText => {
      const usual = device === "default" ? `${device} 100` : `${device} default`;
      return { file, value: `${device} ${number}`, reset: usual, part: device };
    };
    const choices = [text("io.bfq.weight", value), text("io.weight", ioWeight(value))] as const;
    limits.push({ controller: "io", name: `${at}.blockIO.${name}`, choices });
  };
  if (weight !== undefined) weigh("weight", weight, "default");
  for (const { device, value } of weights) weigh("weightDevice", value, device);
  for (const { device, value, kind } of throttles) {
    if (value === 0) continue;
    const part = `${device} ${kind.key}`;
    const text = { file: "io.max", value: `${part}=${value}`, reset: `${part}=max`, part };
    limits.push({ controller: "io", name: `${at}.blockIO.${kind.field}`, choices: [text] });
  }
  return limits;
}
