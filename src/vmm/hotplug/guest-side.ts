import type { VirtioDevicePlace } from "../boot/command-line.js";

/** What a guest says of a device that it has taken. */
export interface GuestDevice {
  /** Name of its disk in the guest, `vdb`; absent for what is no disk, and with guests that do not tell. */
  readonly disk?: string;
}

/**
 * The guest's part in plugging: its kernel finds out by nobody but us. All reject with what the guest said, or that it said
 * nothing within its deadline (`KATA_UPCALL_…`).
 */
export interface GuestSide {
  /** There is a device at that place now: resolves when a driver has it. */
  addDevice(place: VirtioDevicePlace): Promise<GuestDevice>;
  /** Has the driver let go of the device at that place. */
  removeDevice(place: VirtioDevicePlace): Promise<void>;
  /** Takes processors into use, by the ids of their local APICs. */
  addProcessors(ids: readonly number[]): Promise<void>;
  /** Takes them out of use. */
  removeProcessors(ids: readonly number[]): Promise<void>;
}
