import { readlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOf } from "../errors/error.js";

/** Domain, bus, device and function: `0000:00:03.0`. */
const addressForm = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Whether a text is a PCI address, and so may be a part of a path. */
export const isPciAddress = (text: string): boolean => addressForm.test(text);

const buses = (root: string): string => join(root, "bus", "pci");

/** The driver that has a device; empty when none has. `root` is where sysfs is mounted. */
export function driverOf(address: string, root = "/sys"): string {
  try {
    return basename(readlinkSync(join(buses(root), "devices", address, "driver")));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}

/**
 * Gives a device to a driver, and takes it from the one that has it (Documentation/ABI/testing/sysfs-bus-pci). An empty
 * `driver` leaves it without one.
 */
export function bindDriver(address: string, driver: string, root = "/sys"): void {
  const device = join(buses(root), "devices", address);
  const current = driverOf(address, root);
  if (current === driver) return;
  writeFileSync(join(device, "driver_override"), driver === "" ? "\n" : driver);
  if (current !== "") writeFileSync(join(device, "driver", "unbind"), address);
  if (driver === "") return;
  writeFileSync(join(buses(root), "drivers_probe"), address);
  // The override has done its work: a driver that comes later may claim the device as ever.
  writeFileSync(join(device, "driver_override"), "\n");
}
