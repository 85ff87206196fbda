import { OpenFlag } from "../open-flags.js";
import type { Libc } from "./libc.js";

const prototype = "int fcntl(int, int, intptr_t)";
const duplicateCloseOnExec = 1030;
const getDescriptorFlags = 1;
const setDescriptorFlags = 2;
const getStatusFlags = 3;
const setStatusFlags = 4;

/** See `Descriptors.setNonBlocking`. */
export function setNonBlocking(libc: Libc, fd: number, on: boolean): void {
  const flags = libc.call(prototype, fd, getStatusFlags, 0);
  const wanted = on ? flags | OpenFlag.nonBlock : flags & ~OpenFlag.nonBlock;
  if (wanted !== flags) libc.call(prototype, fd, setStatusFlags, wanted);
}

/** See `Descriptors.setCloseOnExec`. */
export function setCloseOnExec(libc: Libc, fd: number, on: boolean): void {
  const flags = libc.call(prototype, fd, getDescriptorFlags, 0);
  libc.call(prototype, fd, setDescriptorFlags, on ? flags | 1 : flags & ~1);
}

/** See `Descriptors.duplicate`. */
export function duplicate(libc: Libc, fd: number, atLeast: number): number {
  return libc.call(prototype, fd, duplicateCloseOnExec, atLeast);
}
