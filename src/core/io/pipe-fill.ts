import type { Sys } from "../sys/sys.js";

const FIONREAD = 0x541b;

/** Bytes that wait in a pipe or fifo to be read; `fd` may be either end. */
export function bytesWaiting(sys: Sys, fd: number): number {
  const count = new Int32Array(1);
  sys.devices.ioctl(fd, FIONREAD, new Uint8Array(count.buffer));
  return count[0] ?? 0;
}
