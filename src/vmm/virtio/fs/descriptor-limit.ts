import { readFileSync } from "node:fs";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { Sys } from "../../../core/sys/sys.js";

/** The most descriptors that any process may have, as the kernel is set up: `fs.nr_open`. */
const mostOfAny = (): number => Number(readFileSync("/proc/sys/fs/nr_open", "latin1"));

/**
 * Lets this process have as many descriptors as that, as far as it may, and says how many it may have then. A guest's kernel
 * remembers every file it has seen, and each of them is a descriptor here: with the thousand or four that a login has, a guest
 * could not unpack a package. Whoever lacks CAP_SYS_RESOURCE has the hard limit at most.
 */
export function raiseDescriptorLimit(
  processes: Pick<Sys["processes"], "resourceLimit" | "setResourceLimit">,
  wanted: number,
  most: () => number = mostOfAny,
): number {
  const { soft, hard } = processes.resourceLimit("NOFILE");
  if (soft >= wanted) return soft;
  const asked = Math.min(wanted, most());
  const set = (limit: number): number => {
    processes.setResourceLimit("NOFILE", { soft: limit, hard: Math.max(hard, limit) });
    return limit;
  };
  try {
    return set(Math.max(soft, asked));
  } catch (error) {
    if (errnoNameOf(error) !== "EPERM") throw error;
    return set(Math.max(soft, Math.min(asked, hard)));
  }
}
