import type { Hypervisor } from "../../../core/contracts/hypervisor.js";
import type { MachineDisks } from "../../../core/disks/machine-disks.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import type { DiskState } from "../../../core/sandbox/state.js";
import { swapErrors } from "../../../core/swap/errors.js";
import { GuestSwap } from "../../../core/swap/guest-swap.js";
import { SwapFiles } from "../../../core/swap/swap-files.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { MachineParts } from "./boot.js";

/** Block drivers whose disks the agent's protocol has a name for where swap is meant. */
const swapDrivers = ["virtio-blk-pci", "virtio-blk-mmio"];

/** The files for the swap of a sandbox's guest; undefined when it shall have none. `KATA_SWAP_MACHINE` when it cannot. */
export function swapFiles(
  { config, info }: SandboxEnvironment,
  sys: Sys,
  hypervisor: Pick<Hypervisor, "name" | "capability">,
): SwapFiles | undefined {
  const { enable_guest_swap, guest_swap_path: root, block_device_driver: driver } = config.hypervisor;
  if (!enable_guest_swap) return undefined;
  const there = (hypervisor.capability("block-hotplug")?.drivers ?? []).filter((one) => swapDrivers.includes(one));
  if (!there.includes(driver)) throw swapErrors.KATA_SWAP_MACHINE({ hypervisor: hypervisor.name, driver, there });
  // No name of a namespace or a sandbox has a colon.
  return new SwapFiles({ sys, record: info.record, root, name: `${info.namespace}:${info.id}` });
}

/** Takes over the swap of a machine that is adopted: its disks are asked for again. */
export async function adoptSwap(
  files: SwapFiles,
  disks: Pick<MachineDisks, "add">,
  there: readonly DiskState[],
): Promise<void> {
  for (const { path } of files.takeOver(there)) {
    await disks.add({ purpose: "the guest's swap", path, readOnly: false });
  }
}

/** Has the guest's swap follow the memory of its machine; undefined when it shall have none. */
export function guestSwap(
  { config, log }: SandboxEnvironment,
  { swap: files, disks, agent }: Pick<MachineParts, "swap" | "disks" | "agent">,
  { memoryMiB, keep }: { readonly memoryMiB: () => number; readonly keep: () => Promise<void> },
): GuestSwap | undefined {
  if (files === undefined) return undefined;
  const { guest_swap_size_percent: percent, guest_swap_create_threshold_secs: seconds } = config.hypervisor;
  return new GuestSwap({ files, disks, agent, log, memoryMiB, percent, thresholdMs: seconds * 1000, keep });
}
