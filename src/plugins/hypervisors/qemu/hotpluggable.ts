import type { Device } from "../../../core/contracts/device.js";
import { type HotDevice, isHotpluggable, refusal } from "./device-set.js";

/** What a running machine takes. */
export interface HotMachine {
  /** Of disks. */
  readonly drivers: readonly string[];
  /** Programs beside QEMU can read and write the guest's memory. */
  readonly sharesMemory: boolean;
}

/** Throws unless such a machine takes the device while it runs. */
export function assertHotpluggable(device: Device, { drivers, sharesMemory }: HotMachine): asserts device is HotDevice {
  if (!isHotpluggable(device)) throw refusal(device, "this kind must be there before the machine starts");
  if (device.kind === "net" || device.kind === "vfio") return;
  if (device.kind === "vhost-user-net") return assertSharedMemory(device, sharesMemory);
  if (drivers.includes(device.driver)) return;
  throw refusal(device, `a running machine of this configuration takes ${drivers.join(" and ") || "no disks"}`);
}

/** Whoever serves a device reads and writes the guest's memory, which is shared from the start or never. */
function assertSharedMemory(device: Device, sharesMemory: boolean): void {
  if (sharesMemory) return;
  const why =
    "the memory of this machine was not shared when it started; it is with shared_fs or with such a card then";
  throw refusal(device, why);
}
