import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { VmSpec } from "../../../core/contracts/hypervisor.js";
import type { Accelerator } from "./accelerator.js";
import type { MachineType } from "./machine-type.js";

/** Keys of `[hypervisor.qemu]` that say how far a machine may grow, and how. */
export type RoomKeys = Pick<
  HypervisorConfig,
  "default_maxvcpus" | "default_maxmemory" | "memory_slots" | "enable_virtio_mem"
>;

/** What is set aside for a machine to grow into. */
export interface Room {
  /** vCPUs and MiB in all, those that it starts with among them. */
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** How often memory can be plugged in; 0 with virtio-mem, which needs to be plugged in but once. */
  readonly slots: number;
  /** Linux takes memory in pieces of so many MiB. */
  readonly blockMiB: number;
}

/** From 256 on, guests need an interrupt controller that these machines do not have; Kata stops here. */
const mostVcpus = 240;

/** A processor that is emulated has 40 bits of address, of which devices need some. */
const mostEmulatedMiB = 512 * 1024;

/** Below so many MiB all memory of a q35 is in one piece (`pc_q35_init` of QEMU). */
const splitMiB = 2816;

/**
 * MiB of a memory block of Linux (`probe_memory_block_size` of arch/x86/mm/init_64.c): 128, and with 64 GiB or more at the
 * start the largest power of two up to 2 GiB that the end of the memory is a multiple of.
 */
export function memoryBlockMiB(bootMiB: number): number {
  const [least, most] = [128, 2048];
  if (bootMiB < 64 * 1024) return least;
  let block = most;
  while (block > least && bootMiB % block !== 0) block /= 2;
  return block;
}

/** How far a machine may grow; undefined when it never does: memory-mapped ones cannot, and others may be told not to. */
export function roomFor(
  keys: RoomKeys,
  { vcpus, memoryMiB, fixedSize = false }: Pick<VmSpec, "vcpus" | "memoryMiB" | "fixedSize">,
  { machineType, by }: { readonly machineType: MachineType; readonly by: Accelerator["kind"] },
): Room | undefined {
  if (machineType !== "q35" || fixedSize) return undefined;
  const blockMiB = memoryBlockMiB(memoryMiB);
  const bound = by === "tcg" ? Math.min(keys.default_maxmemory, mostEmulatedMiB) : keys.default_maxmemory;
  const canPlug = keys.enable_virtio_mem || keys.memory_slots > 0;
  const blocks = canPlug ? Math.max(0, Math.floor((bound - memoryMiB) / blockMiB)) : 0;
  return {
    vcpus: Math.max(vcpus, Math.min(keys.default_maxvcpus, mostVcpus)),
    memoryMiB: memoryMiB + blocks * blockMiB,
    slots: keys.enable_virtio_mem || blocks === 0 ? 0 : keys.memory_slots,
    blockMiB,
  };
}

/**
 * What the guest's kernel is told: to use memory as soon as it is plugged in, in a way that it can be given back as far as that
 * is wise; and not to keep 64 MiB of its own for devices that reach no more than 4 GiB, which it does as soon as there may ever
 * be memory beyond that, but 4.
 */
export function roomParameters(room: Room | undefined, bootMiB: number): string[] {
  if (room === undefined || room.memoryMiB === bootMiB) return [];
  const bounce = bootMiB < splitMiB ? ["swiotlb=2048"] : [];
  return ["memhp_default_state=online", "memory_hotplug.online_policy=auto-movable", ...bounce];
}
