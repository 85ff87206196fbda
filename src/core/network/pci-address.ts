import { readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../errors/error.js";

/** Domain, bus, device and function: `0000:00:03.0`. */
const addressForm = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Whether a text is a PCI address, and so may be a part of a path. */
export const isPciAddress = (text: string): boolean => addressForm.test(text);

/**
 * The PCI address of what is behind a link, by the bus and the name that the kernel tells of it; undefined for what is not
 * on PCI. A virtio card is a device of its own on a PCI device. `sysfs` is where that is mounted.
 */
export function pciAddressOf(
  { bus, name }: { readonly bus: string; readonly name: string },
  sysfs = "/sys",
): string | undefined {
  if (bus === "pci") return name;
  if (bus !== "virtio" || name.includes("/")) return undefined;
  try {
    const address = basename(dirname(readlinkSync(join(sysfs, "bus/virtio/devices", name))));
    return isPciAddress(address) ? address : undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
