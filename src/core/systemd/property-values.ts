import { parseCpuList } from "../cgroup/cpu-list.js";
import type { OciLinuxResources } from "../oci/spec.js";
import type { UnitProperty } from "./units.js";

/** `infinity`, and "not set" where a property has a value of its own for that. */
export const unlimited = "18446744073709551615";

/** The kernel's own period, in microseconds, where none was written. */
const usualPeriod = 100_000;

/** The quota of CPU time, which systemd has in microseconds a second, and its period; nothing where there is none. */
export function cpuTime({ quota, period }: NonNullable<OciLinuxResources["cpu"]>): UnitProperty[] {
  if (quota === undefined || quota <= 0) return [];
  const length = period !== undefined && period > 0 ? period : usualPeriod;
  return [
    ["CPUQuotaPerSecUSec", "t", String(Math.ceil((quota * 1_000_000) / length))],
    ["CPUQuotaPeriodUSec", "t", String(length)],
  ];
}

/** The same where there is none. */
export const liftedCpuTime = [
  ["CPUQuotaPerSecUSec", "t", unlimited],
  ["CPUQuotaPeriodUSec", "t", unlimited],
] as const satisfies readonly UnitProperty[];

/** A list of CPUs or of memory nodes as the bytes of a set of bits, the lowest first. `KATA_CGROUP_VALUE` names `limit`. */
export function numberSet(list: string, limit: string): [string, ...string[]] {
  const numbers = parseCpuList(list, limit);
  const bytes: number[] = Array.from({ length: Math.floor(Math.max(-1, ...numbers) / 8) + 1 }, () => 0);
  for (const number of numbers) {
    const at = Math.floor(number / 8);
    bytes[at] = (bytes[at] ?? 0) | (1 << (number % 8));
  }
  return ["ay", String(bytes.length), ...bytes.map(String)];
}
