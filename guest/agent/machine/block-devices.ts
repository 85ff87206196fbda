import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { agentErrors, badArgument } from "../errors.js";
import type { AgentRoots } from "../roots.js";
import { entries, isPciPath, pciDirectory } from "./pci-path.js";

/** Milliseconds between two looks for a device. */
const lookPause = 10;

/** A device node of the guest. */
export interface GuestNode {
  readonly path: string;
  readonly kind: "block" | "character";
  readonly major: number;
  readonly minor: number;
}

/** Name of the disk a virtio-blk device on PCI makes: `vdb`. */
function diskOf(directory: string): string | undefined {
  for (const virtio of entries(directory).filter((name) => /^virtio\d+$/.test(name))) {
    const disk = entries(join(directory, virtio, "block"))[0];
    if (disk !== undefined) return disk;
  }
  return undefined;
}

/** Node by its path: `/dev/vdb`. Undefined when there is none. */
export function findNode(path: string): GuestNode | undefined {
  try {
    const found = statSync(path);
    if (!found.isBlockDevice() && !found.isCharacterDevice()) return undefined;
    const { rdev } = found;
    // makedev(3): 12 low bits and 20 high ones of the major's and minor's 32
    const major = Math.floor(rdev / 256) & 0xfff;
    const minor = (rdev & 0xff) | (Math.floor(rdev / 0x1000) & 0xfff00);
    return { path, kind: found.isBlockDevice() ? "block" : "character", major, minor };
  } catch {
    return undefined;
  }
}

/**
 * A disk by what the host knows of it, a path below `/dev` or the path of PCI slots to it. Waits `ms` at most: a disk that
 * was just plugged in takes a moment. `KATA_GUEST_DEVICE_ABSENT` when it does not come.
 */
export async function waitForBlockDevice(
  roots: Pick<AgentRoots, "sys" | "dev">,
  locator: string,
  ms: number,
): Promise<GuestNode> {
  const isPath = locator.startsWith(`${roots.dev}/`) && !locator.includes("..");
  if (!isPath && !isPciPath(locator)) {
    throw badArgument("the place of a block device", locator, `a path below ${roots.dev} or a path of PCI slots`);
  }
  const find = () => (isPath ? findNode(locator) : findDisk(roots, locator));
  return lookFor(find, ms, () => agentErrors.KATA_GUEST_DEVICE_ABSENT({ device: locator, ms }));
}

/** Looks for something again and again, for `ms` at most; `absent` is the error for when it does not come. */
export async function lookFor<T>(
  find: () => T | undefined | Promise<T | undefined>,
  ms: number,
  absent: () => Error,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (performance.now() >= deadline) throw absent();
    await pause(lookPause);
  }
}

function findDisk(roots: Pick<AgentRoots, "sys" | "dev">, path: string): GuestNode | undefined {
  const directory = pciDirectory(roots, path);
  const disk = directory === undefined ? undefined : diskOf(directory);
  return disk === undefined ? undefined : findNode(join(roots.dev, disk));
}
