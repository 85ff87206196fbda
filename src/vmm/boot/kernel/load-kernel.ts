import type { GuestMemory } from "../../memory/guest-memory.js";
import { isBzImage, loadBzImage } from "./bz-image.js";
import { type BootFile, badKernel, type LoadedKernel } from "./kernel-image.js";
import { isElf, loadVmlinux } from "./vmlinux.js";

/** Loads a kernel, a vmlinux or a bzImage, which its first bytes tell; anything else is `KATA_VMM_KERNEL_FORMAT`. */
export function loadKernel(memory: GuestMemory, file: BootFile): LoadedKernel {
  if (isElf(file)) return loadVmlinux(memory, file);
  if (isBzImage(file)) return loadBzImage(memory, file);
  throw badKernel(file, "beginning", "is neither that of an ELF file nor that of a bzImage");
}
