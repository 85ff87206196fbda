import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { Properties } from "./command.js";

/** Keys of `[hypervisor.qemu]` that say what the guest's memory is made of. */
export type MemoryKeys = Pick<HypervisorConfig, "enable_hugepages" | "hugepage_type" | "enable_mem_prealloc">;

/** A piece of the guest's memory. */
export interface MemoryPiece {
  readonly id: string;
  readonly sizeMiB: number;
  /** Programs beside QEMU read and write it. */
  readonly shared: boolean;
}

/**
 * The object that such a piece is. Daemons that serve a device read the guest's memory themselves; memory of the machine's own
 * is faster to fault in.
 */
export function memoryObject({ id, sizeMiB, shared }: MemoryPiece, keys: MemoryKeys): Properties {
  const huge = keys.enable_hugepages && keys.hugepage_type === "hugetlbfs";
  return {
    "qom-type": shared || huge ? "memory-backend-memfd" : "memory-backend-ram",
    id,
    size: sizeMiB * 2 ** 20,
    ...(shared && { share: true }),
    ...(huge && { hugetlb: true }),
    ...(keys.enable_mem_prealloc && { prealloc: true }),
  };
}
