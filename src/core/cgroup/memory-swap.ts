import { cgroupErrors } from "./errors.js";

/** 0, like an absent one, and negative ones are none. */
export function isLimit(value: number | undefined): value is number {
  return value !== undefined && value > 0;
}

/**
 * The limit of memory that one of memory and swap together includes (runtime-spec "Memory"); `KATA_CGROUP_VALUE`, which names
 * the limit `name`, where there is none, or a greater one.
 */
export function memoryWithin(swap: number, limit: number | undefined, name: string): number {
  if (isLimit(limit) && swap >= limit) return limit;
  const expected = isLimit(limit) ? `at least memory.limit, ${limit}` : "with a memory.limit, which it includes";
  throw cgroupErrors.KATA_CGROUP_VALUE({ limit: name, value: String(swap), expected });
}
