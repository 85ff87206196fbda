import type { VfioDevice } from "../../../core/contracts/device.js";
import type { Slot } from "./bus.js";
import type { DevicePlan } from "./device-plan.js";

/** A PCI device of the host. Its own boot program is not read: the guest's kernel is started without any. */
export function passedThrough(name: string, { address }: VfioDevice, slot: Slot): DevicePlan {
  const properties = { driver: "vfio-pci", id: name, host: address, rombar: 0, ...slot.place };
  return {
    name,
    slot,
    parts: [{ kind: "device", properties }],
    ...(slot.pciPath !== undefined && { guestLocator: slot.pciPath }),
  };
}
