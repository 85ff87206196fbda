import type { GuestMemory } from "../memory/guest-memory.js";
import { alignUp } from "./bytes.js";
import { bootErrors } from "./errors.js";
import type { BootFile, LoadedKernel } from "./kernel/kernel-image.js";
import { lowMemoryEnd } from "./low-memory.js";

const pageSize = 4096;

/** Where an initrd is, and how many bytes it has. */
export interface PlacedInitrd {
  readonly address: number;
  readonly size: number;
}

/**
 * Puts an initrd at a page's beginning, as far up as the kernel reads one from and the memory below 4 GiB goes: away from
 * what the kernel unpacks itself into. `KATA_VMM_INITRD_SPACE` when there is no room above the kernel.
 */
export function placeInitrd(memory: GuestMemory, file: BootFile, kernel: LoadedKernel): PlacedInitrd {
  const size = file.bytes.length;
  if (size === 0) throw bootErrors.KATA_VMM_INITRD_EMPTY({ file: file.name });
  const start = alignUp(kernel.end, pageSize);
  const end = Math.min(lowMemoryEnd(memory), kernel.initrdAddressMax + 1);
  const address = Math.floor((end - size) / pageSize) * pageSize;
  if (address < start) throw bootErrors.KATA_VMM_INITRD_SPACE({ file: file.name, size, start, end });
  memory.slice(address, size).set(file.bytes);
  return { address, size };
}
