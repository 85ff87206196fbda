import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { AgentRoots } from "../roots.js";

/** Whether a text is a path of PCI slots, and so may be a part of a path in sysfs. */
export const isPciPath = (text: string): boolean =>
  text.split("/").every((slot) => /^[0-9a-f]{1,2}(\.[0-7])?$/i.test(slot));

/** What is in a directory; nothing while it is not there. */
export function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * The directory in sysfs of a PCI device by its path of slots from the root bus (`02/01`, each `slot` or `slot.function`
 * in hexadecimal, bridges first); undefined while it is not there.
 */
export function pciDirectory(roots: Pick<AgentRoots, "sys">, path: string): string | undefined {
  const slots = path.split("/");
  let directory = join(roots.sys, "devices/pci0000:00");
  let bus = "0000:00";
  for (const [index, slot] of slots.entries()) {
    const [device = "", fn = "0"] = slot.split(".");
    directory = join(directory, `${bus}:${device.padStart(2, "0")}.${fn}`);
    if (index === slots.length - 1) break;
    const below = entries(join(directory, "pci_bus"))[0];
    if (below === undefined) return undefined;
    bus = below;
  }
  return existsSync(directory) ? directory : undefined;
}
