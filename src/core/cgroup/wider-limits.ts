import type { OciLinuxResources } from "../oci/spec.js";
import { sumPeriod } from "./sandbox-limits.js";
import { unionOfCpus } from "./union-of-cpus.js";

/**
 * What takes away nothing of either: between two limits, while what is limited changes. A limit that one of them has not is
 * absent.
 */
export function widerLimits(one: OciLinuxResources, other: OciLinuxResources): OciLinuxResources {
  const greater = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : Math.max(a, b);
  const union = (field: "cpus" | "mems"): string | undefined =>
    one.cpu?.[field] && other.cpu?.[field] ? unionOfCpus([one, other], field) : undefined;
  const [quota, shares] = [greater(one.cpu?.quota, other.cpu?.quota), greater(one.cpu?.shares, other.cpu?.shares)];
  const [cpus, mems] = [union("cpus"), union("mems")];
  const [limit, swap] = [
    greater(one.memory?.limit, other.memory?.limit),
    greater(one.memory?.swap, other.memory?.swap),
  ];
  const reservation = greater(one.memory?.reservation, other.memory?.reservation);
  const sameIo = JSON.stringify(one.blockIO) === JSON.stringify(other.blockIO) ? one.blockIO : undefined;
  return {
    cpu: {
      ...(quota !== undefined && { quota, period: sumPeriod }),
      ...(shares !== undefined && { shares }),
      ...(cpus !== undefined && { cpus }),
      ...(mems !== undefined && { mems }),
    },
    memory: {
      ...(limit !== undefined && { limit }),
      ...(limit !== undefined && swap !== undefined && { swap: Math.max(limit, swap) }),
      ...(reservation !== undefined && { reservation }),
    },
    ...(sameIo !== undefined && { blockIO: sameIo }),
  };
}
