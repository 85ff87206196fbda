import { type Devices, viewLimit } from "../../core/sys/devices.js";

/**
 * Bytes from the start of one window to that of the next. A window is up to twice as long, so that whatever is no longer
 * than this lies within the window it begins in.
 */
export const windowStride = viewLimit / 2;

/**
 * Memory of this process as arrays: one for up to 4 GiB, and for more of it several that overlap, since no array of Node 20
 * is longer. The mapping must outlive every use of them.
 */
export function windowsOf(devices: Pick<Devices, "view">, hostAddress: bigint, size: number): Uint8Array[] {
  const windows: Uint8Array[] = [];
  let start = 0;
  do {
    windows.push(devices.view(hostAddress + BigInt(start), Math.min(size - start, viewLimit)));
    start += windowStride;
  } while (start + windowStride < size);
  return windows;
}
