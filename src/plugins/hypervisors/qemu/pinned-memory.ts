import type { Device } from "../../../core/contracts/device.js";

/** Milliseconds that a MiB of the guest's memory may take to be found and held: a slow host's, with the memory in use. */
const msPerMiB = 30;

/** Milliseconds by which a command takes longer that has QEMU find and hold so much memory. */
export const holdTime = (memoryMiB: number): number => memoryMiB * msPerMiB;

/**
 * Milliseconds by which a command takes longer that has QEMU hold all of the guest's memory: a device that is passed
 * through reads and writes it by itself, so none of it may move.
 */
export const pinTime = (kind: Device["kind"], memoryMiB: number): number => (kind === "vfio" ? holdTime(memoryMiB) : 0);
