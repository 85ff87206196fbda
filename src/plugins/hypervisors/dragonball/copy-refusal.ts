import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { VmSpec } from "../../../core/contracts/hypervisor.js";
import { pluggableUnit } from "../../../vmm/memory/pluggable-memory.js";

/** Keys of `[hypervisor.dragonball]` that say what a machine does with the host's memory. */
export type MemoryKeys = Pick<
  HypervisorConfig,
  "enable_virtio_mem" | "default_maxmemory" | "reclaim_guest_freed_memory" | "shared_fs"
>;

/** Linux has memory in blocks of so many MiB, and cannot plug what is beyond the last whole one. */
const unitMiB = pluggableUnit / 2 ** 20;

/** MiB that can be plugged into a machine besides what it starts with. */
export function pluggableMemory(
  { enable_virtio_mem, default_maxmemory }: Pick<MemoryKeys, "enable_virtio_mem" | "default_maxmemory">,
  { memoryMiB, fixedSize = false }: Pick<VmSpec, "memoryMiB" | "fixedSize">,
): number {
  if (!enable_virtio_mem || fixedSize) return 0;
  return Math.max(0, Math.floor((default_maxmemory - memoryMiB) / unitMiB) * unitMiB);
}

/**
 * Why a machine is neither saved as a template nor a copy of one, in words that name the key to change; undefined when it can be.
 * A copy's memory is its own and no file's: no other process maps it, and none of its pages goes back to the host before its end.
 * `served` says that it has a share that virtiofsd serves, whatever the configuration's name for it.
 */
export function copyRefusal(
  keys: MemoryKeys,
  { memoryMiB, fixedSize, served }: Pick<VmSpec, "memoryMiB" | "fixedSize"> & { readonly served: boolean },
): string | undefined {
  if (keys.reclaim_guest_freed_memory) {
    return "reclaim_guest_freed_memory is true, and a copy cannot give single pages back to the host; set it to false";
  }
  const pluggable = pluggableMemory(keys, { memoryMiB, ...(fixedSize !== undefined && { fixedSize }) });
  if (pluggable > 0) {
    return `enable_virtio_mem is true, with ${pluggable} MiB to plug, and a copy has no memory but the saved; set it to false`;
  }
  if (served || keys.shared_fs === "virtio-fs") {
    return 'virtiofsd would have to map a copy\'s memory, which no other process can; set shared_fs = "inline-virtio-fs"';
  }
  return undefined;
}
