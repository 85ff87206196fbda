import type { Files } from "../../core/sys/files.js";
import { vmmErrors } from "../errors.js";
import type { MemoryRegion } from "./guest-memory.js";

/**
 * Gives a stretch of the guest's memory back to the host: it reads as zeros, and takes memory of the host again when it is
 * next touched. Guest-physical, in bytes, whole pages; what is not all in one region is `KATA_VMM_GUEST_ADDRESS`.
 */
export type DiscardPages = (address: number, length: number) => void;

/**
 * Discards by punching holes into the file that is behind the memory, so that the pages go for everyone who has it mapped.
 * A region that has no file is `KATA_VMM_MEMORY_NO_FILE`, here and not when the guest asks.
 */
export function discardPages(files: Pick<Files, "punchHole">, regions: readonly MemoryRegion[]): DiscardPages {
  for (const { fd, address } of regions) if (fd < 0) throw vmmErrors.KATA_VMM_MEMORY_NO_FILE({ address });
  return (address, length) => {
    const region = regions.find((r) => address >= r.address && address - r.address < r.size);
    const into = region === undefined ? 0 : address - region.address;
    if (region === undefined || !(length <= region.size - into)) {
      throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
    }
    if (length > 0) files.punchHole(region.fd, region.offset + into, length);
  };
}
