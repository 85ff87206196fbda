import { formatCpuList } from "../oci/cpu-list.js";
import type { OciLinuxResources } from "../oci/spec.js";
import { parseCpuList } from "./cpu-list.js";
import { cgroupErrors } from "./errors.js";

/** The CPUs, or the memory nodes, that any of these names, as a list; empty when none does. `KATA_CGROUP_VALUE` for no list. */
export function unionOfCpus(all: readonly OciLinuxResources[], field: "cpus" | "mems"): string {
  const limit = `linux.resources.cpu.${field}`;
  const numbers = all.flatMap(({ cpu }) => {
    const value: unknown = cpu?.[field] ?? "";
    if (typeof value === "string") return parseCpuList(value, limit);
    throw cgroupErrors.KATA_CGROUP_VALUE({
      limit,
      value: JSON.stringify(value).slice(0, 200),
      expected: "text",
    });
  });
  return formatCpuList(numbers);
}
