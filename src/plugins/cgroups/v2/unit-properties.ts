import { parseBlockIo } from "../../../core/cgroup/block-io.js";
import { isLimit, memoryWithin } from "../../../core/cgroup/memory-swap.js";
import { cpuTime, liftedCpuTime, numberSet, unlimited } from "../../../core/systemd/property-values.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import type { UnitProperty } from "../../../core/systemd/units.js";
import { ioWeight, weightOfShares } from "./limits.js";

/**
 * The limits of which systemd writes the file of a unit's cgroup too, as properties (systemd.resource-control(5)): without them
 * it would write what it knows whenever it is told to look at its units anew. What it has no property for it leaves alone.
 */
export function propertiesOf(
  resources: OciLinuxResources,
  { threadsApart }: { threadsApart: boolean },
): UnitProperty[] {
  const { cpu = {}, memory = {} } = resources;
  const properties: UnitProperty[] = threadsApart ? [] : cpuTime(cpu);
  const add = (name: string, value: number) => properties.push([name, "t", String(value)]);
  if (cpu.shares) add("CPUWeight", weightOfShares(cpu.shares));
  if (cpu.cpus) properties.push(["AllowedCPUs", ...numberSet(cpu.cpus, "linux.resources.cpu.cpus")]);
  if (cpu.mems) properties.push(["AllowedMemoryNodes", ...numberSet(cpu.mems, "linux.resources.cpu.mems")]);
  if (isLimit(memory.reservation)) add("MemoryLow", memory.reservation);
  if (isLimit(memory.limit)) add("MemoryMax", memory.limit);
  if (isLimit(memory.swap)) {
    add("MemorySwapMax", memory.swap - memoryWithin(memory.swap, memory.limit, "linux.resources.memory.swap"));
  }
  const { weight } = parseBlockIo(resources.blockIO);
  if (weight !== undefined) add("IOWeight", ioWeight(weight));
  return properties;
}

/** The same as they are where there is no limit. */
export const liftedProperties: ReadonlyMap<string, UnitProperty> = new Map(
  (
    [
      ...liftedCpuTime,
      ["CPUWeight", "t", unlimited],
      ["AllowedCPUs", "ay", "0"],
      ["AllowedMemoryNodes", "ay", "0"],
      ["MemoryLow", "t", "0"],
      ["MemoryMax", "t", unlimited],
      ["MemorySwapMax", "t", unlimited],
      ["IOWeight", "t", unlimited],
    ] as const
  ).map((one) => [one[0], one] as const),
);
