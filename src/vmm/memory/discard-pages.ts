import type { Sys } from "../../core/sys/sys.js";
import { vmmErrors } from "../errors.js";
import type { MemoryRegion } from "./guest-memory.js";

/**
 * Gives a stretch of the guest's memory back to the host: it reads as zeros, and takes memory of the host again when it is
 * next touched. Guest-physical, in bytes, whole pages; what is not all in one region is `KATA_VMM_GUEST_ADDRESS`.
 */
export type DiscardPages = (address: number, length: number) => void;

/** What pages are given back by. */
export interface DiscardTools {
  readonly files: Pick<Sys["files"], "punchHole">;
  readonly devices: Pick<Sys["devices"], "discard">;
}

/**
 * Discards pages for everyone who has them mapped. A region that was saved is `KATA_VMM_MEMORY_SAVED`, here and not when the
 * guest asks: what is behind its pages are no zeros.
 */
export function discardPages({ files, devices }: DiscardTools, regions: readonly MemoryRegion[]): DiscardPages {
  for (const { backing, address } of regions) {
    if (backing.kind === "saved") throw vmmErrors.KATA_VMM_MEMORY_SAVED({ address });
  }
  return (address, length) => {
    const region = regions.find((r) => address >= r.address && address - r.address < r.size);
    const into = region === undefined ? 0 : address - region.address;
    if (region === undefined || !(length <= region.size - into)) {
      throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
    }
    if (length === 0) return;
    const { backing, hostAddress } = region;
    if (backing.kind === "file") files.punchHole(backing.fd, backing.offset + into, length);
    else devices.discard(hostAddress + BigInt(into), length);
  };
}
