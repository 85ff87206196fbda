import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";

/** Keys of the configuration that give disks threads of their own. */
export type ThreadKeys = Pick<HypervisorConfig, "enable_iothreads" | "indep_iothreads">;

/** The most threads; more than processors of most hosts. */
export const mostThreads = 64;

/**
 * QEMU's ids of the threads that serve disks; there are none when its main one does. `indep_iothreads` is how many share the
 * work, `enable_iothreads` alone asks for one.
 */
export function diskThreads({ enable_iothreads, indep_iothreads }: ThreadKeys): readonly string[] {
  const count = indep_iothreads > 0 ? indep_iothreads : enable_iothreads ? 1 : 0;
  return Array.from({ length: Math.min(count, mostThreads) }, (_, index) => `disks${index}`);
}
