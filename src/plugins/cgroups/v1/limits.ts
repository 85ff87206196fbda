import { parseBlockIo } from "../../../core/cgroup/block-io.js";
import { type InheritedCpus, parseCpuList } from "../../../core/cgroup/cpu-list.js";
import type { Limit, LimitText } from "../../../core/cgroup/limit-files.js";
import { isLimit, memoryWithin } from "../../../core/cgroup/memory-swap.js";
import { formatCpuList } from "../../../core/oci/cpu-list.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";

/** The kernel's own period, in microseconds, where none was written. */
const usualPeriod = 100_000;
const at = "linux.resources";
const none = "-1";

/** `cpu.shares` as the kernel keeps them. */
export const keptShares = (shares: number): number => Math.min(Math.max(shares, 2), 262_144);

/** `linux.resources` as the files of cgroup v1 (Documentation/admin-guide/cgroup-v1). What is unlimited is left out. */
export function limitsOf(resources: OciLinuxResources, inherited: InheritedCpus): Limit[] {
  const { cpu = {}, memory = {}, pids } = resources;
  const limits: Limit[] = [];
  const add = (controller: string, name: string, file: string, value: number | string, reset: string) =>
    limits.push({ controller, name: `${at}.${name}`, choices: [{ file, value: String(value), reset }] });
  for (const field of ["cpus", "mems"] as const) {
    const list = formatCpuList(parseCpuList(cpu[field] ?? "", `${at}.cpu.${field}`));
    if (list !== "") add("cpuset", `cpu.${field}`, `cpuset.${field}`, list, inherited[field]);
  }
  if (cpu.shares) add("cpu", "cpu.shares", "cpu.shares", keptShares(cpu.shares), "1024");
  if (isLimit(cpu.quota)) {
    // With the period written first, the kernel would refuse one that is longer than what the old quota allows.
    add("cpu", "cpu.period", "cpu.cfs_period_us", isLimit(cpu.period) ? cpu.period : usualPeriod, String(usualPeriod));
    add("cpu", "cpu.quota", "cpu.cfs_quota_us", cpu.quota, none);
  }
  if (isLimit(memory.reservation)) {
    add("memory", "memory.reservation", "memory.soft_limit_in_bytes", memory.reservation, none);
  }
  if (isLimit(memory.limit)) add("memory", "memory.limit", "memory.limit_in_bytes", memory.limit, none);
  if (isLimit(memory.swap)) limits.push(swapOf(memory.swap, memory.limit));
  if (isLimit(pids?.limit)) add("pids", "pids.limit", "pids.max", pids?.limit ?? 0, "max");
  return [...limits, ...ioLimits(resources)];
}

/** Memory and swap together, in v1 as in OCI. A kernel without swap accounting has no such file. */
function swapOf(swap: number, limit: number | undefined): Limit {
  const name = `${at}.memory.swap`;
  memoryWithin(swap, limit, name);
  const text = { file: "memory.memsw.limit_in_bytes", value: String(swap), reset: none };
  return { controller: "memory", name, choices: [text], optional: true };
}

function ioLimits({ blockIO }: OciLinuxResources): Limit[] {
  const { weight, weights, throttles } = parseBlockIo(blockIO);
  const limits: Limit[] = [];
  const add = (name: string, ...choices: [LimitText, ...LimitText[]]) =>
    limits.push({ controller: "blkio", name: `${at}.blockIO.${name}`, choices });
  if (weight !== undefined) {
    const text = (file: string, reset: string) => ({ file, value: String(weight), reset });
    add("weight", text("blkio.bfq.weight", "100"), text("blkio.weight", "500"));
  }
  for (const { device, value } of weights) {
    const text = (file: string) => ({ file, value: `${device} ${value}`, reset: `${device} 0`, part: device });
    add("weightDevice", text("blkio.bfq.weight_device"), text("blkio.weight_device"));
  }
  for (const { device, value, kind } of throttles) {
    if (value === 0) continue;
    const file = `blkio.throttle.${kind.file}`;
    add(kind.field, { file, value: `${device} ${value}`, reset: `${device} 0`, part: device });
  }
  return limits;
}
