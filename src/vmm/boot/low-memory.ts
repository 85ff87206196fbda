import { layout } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { bootErrors } from "./errors.js";

/**
 * Where the memory at address 0 ends: what a kernel starts in is below. `KATA_VMM_LOW_MEMORY` when there is none, or it does
 * not reach the address that kernels are loaded to.
 */
export function lowMemoryEnd(memory: GuestMemory): number {
  const size = memory.regions.find((region) => region.address === 0)?.size ?? 0;
  if (size < layout.kernel) throw bootErrors.KATA_VMM_LOW_MEMORY({ size });
  return Math.min(size, layout.holeStart);
}
