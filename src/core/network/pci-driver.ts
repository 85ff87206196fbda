import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOf } from "../errors/error.js";
import type { Files } from "../sys/files.js";
import { networkErrors } from "./errors.js";

/** The driver that hands a device to a VMM. */
export const passThroughDriver = "vfio-pci";

const bus = (root: string): string => join(root, "bus/pci");
const directoryOf = (root: string, address: string): string => join(bus(root), "devices", address);

/** The driver that has a device; empty when none has. `root` is where sysfs is mounted. */
export function driverOf(address: string, root = "/sys"): string {
  try {
    return basename(readlinkSync(join(directoryOf(root, address), "driver")));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}

/**
 * Gives a device to a driver, and takes it from the one that has it (Documentation/ABI/testing/sysfs-bus-pci). An empty
 * `driver` leaves it without one.
 */
export function bindDriver(files: Pick<Files, "writeAttribute">, address: string, driver: string, root = "/sys"): void {
  const device = directoryOf(root, address);
  const current = driverOf(address, root);
  if (current === driver) return;
  files.writeAttribute(join(device, "driver_override"), driver === "" ? "\n" : driver);
  if (current !== "") files.writeAttribute(join(device, "driver", "unbind"), address);
  if (driver === "") return;
  files.writeAttribute(join(bus(root), "drivers_probe"), address);
  // The override has done its work: a driver that comes later may claim the device as ever.
  files.writeAttribute(join(device, "driver_override"), "\n");
}

/** Class of a bridge between buses, which a VMM need not have: PCI Code and ID Assignment, 06. */
const bridgeClass = /^0x0604/;

/**
 * Checks that a device can be handed to a VMM before it is taken from its driver: the driver that hands it over is there,
 * an IOMMU keeps it to the guest's memory, and no other device shares its IOMMU group (Documentation/driver-api/vfio.rst).
 */
export function assertPassable(address: string, root = "/sys"): void {
  if (!existsSync(join(bus(root), "drivers", passThroughDriver))) {
    throw networkErrors.KATA_NETWORK_NO_VFIO({ device: address, driver: passThroughDriver });
  }
  const group = join(directoryOf(root, address), "iommu_group");
  if (!existsSync(group)) throw networkErrors.KATA_NETWORK_NO_IOMMU({ device: address });
  const others = readdirSync(join(group, "devices")).filter((other) => other !== address && !isHarmless(other, root));
  if (others.length === 0) return;
  throw networkErrors.KATA_NETWORK_IOMMU_GROUP({ device: address, group: basename(readlinkSync(group)), others });
}

function isHarmless(address: string, root: string): boolean {
  const driver = driverOf(address, root);
  if (driver === "" || driver === passThroughDriver) return true;
  return bridgeClass.test(readFileSync(join(directoryOf(root, address), "class"), "latin1"));
}
