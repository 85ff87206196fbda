import { parseBlockIo } from "../../../core/cgroup/block-io.js";
import { isLimit } from "../../../core/cgroup/memory-swap.js";
import { cpuTime, liftedCpuTime, unlimited } from "../../../core/systemd/property-values.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import type { UnitProperty } from "../../../core/systemd/units.js";
import { keptShares } from "./limits.js";

/**
 * The limits of which systemd writes the file of a unit's cgroup of version 1 too, as properties (systemd.resource-control(5)):
 * without them it would write what it knows whenever it is told to look at its units anew. It knows nothing of cpusets there.
 */
export function propertiesOf(
  { cpu = {}, memory = {}, blockIO }: OciLinuxResources,
  { threadsApart }: { readonly threadsApart: boolean },
): UnitProperty[] {
  const properties: UnitProperty[] = threadsApart ? [] : cpuTime(cpu);
  const add = (name: string, value: number) => properties.push([name, "t", String(value)]);
  if (cpu.shares) add("CPUShares", keptShares(cpu.shares));
  if (isLimit(memory.limit)) add("MemoryLimit", memory.limit);
  const { weight } = parseBlockIo(blockIO);
  if (weight !== undefined) add("BlockIOWeight", weight);
  return properties;
}

/** The same as they are where there is no limit. */
export const liftedProperties: ReadonlyMap<string, UnitProperty> = new Map(
  (
    [
      ...liftedCpuTime,
      ["CPUShares", "t", unlimited],
      ["MemoryLimit", "t", unlimited],
      ["BlockIOWeight", "t", unlimited],
    ] as const
  ).map((one) => [one[0], one] as const),
);
