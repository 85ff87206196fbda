import { readFileSync } from "node:fs";
import type { Sys } from "../../../src/core/sys/sys.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import { agentErrors, badArgument } from "../errors.js";
import type { AgentRoots } from "../roots.js";
import { waitForBlockDevice } from "./block-devices.js";

/** What swap is added with. */
export interface SwapTools {
  readonly sys: { readonly machine: Pick<Sys["machine"], "swapOn"> };
  readonly roots: Pick<AgentRoots, "sys" | "dev" | "proc">;
  /** Milliseconds a device may take to appear. */
  readonly hotplugTime: number;
}

/**
 * Has the kernel write pages to a disk, which is found as `waitForBlockDevice` finds it and has the head of a swap area. A disk
 * that is used already stays so. `KATA_GUEST_NO_SWAP` when the kernel knows no swap, `KATA_GUEST_SWAP` when it refuses the disk.
 */
export async function addSwap({ sys, roots, hotplugTime }: SwapTools, place: string): Promise<void> {
  const { path: device, kind } = await waitForBlockDevice(roots, place, hotplugTime);
  if (kind !== "block") throw badArgument("the place of a swap device", device, "a block device");
  const there = swapsOf(roots);
  if (there?.includes(device)) return;
  try {
    sys.machine.swapOn(device);
  } catch (cause) {
    if (errnoNameOf(cause) === "ENOSYS") throw agentErrors.KATA_GUEST_NO_SWAP({ device }, { cause });
    throw agentErrors.KATA_GUEST_SWAP({ device, there: there ?? [] }, { cause });
  }
}

/** Paths of the devices that are used already (proc(5) "/proc/swaps"); undefined when the kernel knows no swap. */
function swapsOf(roots: Pick<AgentRoots, "proc">): string[] | undefined {
  let text: string;
  try {
    text = readFileSync(`${roots.proc}/swaps`, "latin1");
  } catch (error) {
    if (errnoNameOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const [, ...lines] = text.trimEnd().split("\n");
  return lines.map((line) => line.split(/\s/, 1)[0] ?? "");
}
