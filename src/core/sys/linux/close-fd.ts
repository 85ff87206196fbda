import { closeSync } from "node:fs";

/** Closes a descriptor. Node keeps no record of it, so it may come from any call. */
export function closeFd(fd: number): void {
  closeSync(fd);
}

/** Closes what is still open of several; for the way out of a failure. */
export function closeFds(fds: Iterable<number>): void {
  for (const fd of fds) closeFd(fd);
}

/** Runs an action with a descriptor and closes it after, also when the action is a promise. */
export async function withFd<T>(fd: number, action: (fd: number) => Promise<T>): Promise<T> {
  try {
    return await action(fd);
  } finally {
    closeFd(fd);
  }
}

/** `withFd` for a synchronous action. */
export function withFdSync<T>(fd: number, action: (fd: number) => T): T {
  try {
    return action(fd);
  } finally {
    closeFd(fd);
  }
}
