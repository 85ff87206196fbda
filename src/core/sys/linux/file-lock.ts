import { openSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Deadline, withDeadline } from "../../deadline.js";
import type { FileLock } from "../files.js";
import { OpenFlag } from "../open-flags.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";

const sharedLock = 1;
const exclusiveLock = 2;
const nonBlocking = 4;
const eagain = 11;
const eintr = 4;

/** Milliseconds between two attempts. A thread that waited in flock(2) could not be called back from it. */
const firstPause = 2;
const longestPause = 50;

function attempt(libc: Libc, fd: number, operation: number): boolean {
  const result = libc.attempt("int flock(int, int)", fd, operation | nonBlocking);
  if (result >= 0) return true;
  if (result === -eagain || result === -eintr) return false;
  throw libc.error("flock", [fd, operation], -result);
}

const open = (path: string): number => openSync(path, OpenFlag.readWrite | OpenFlag.create | OpenFlag.noFollow, 0o600);

function held(fd: number): FileLock {
  let released = false;
  return {
    release() {
      if (!released) closeFd(fd);
      released = true;
    },
  };
}

/** See `Files.tryLock`. */
export function tryLockFile(libc: Libc, path: string, shared: boolean): FileLock | undefined {
  const fd = open(path);
  try {
    if (attempt(libc, fd, shared ? sharedLock : exclusiveLock)) return held(fd);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  closeFd(fd);
  return undefined;
}

/** See `Files.lock`. */
export async function lockFile(libc: Libc, path: string, deadline: Deadline, shared: boolean): Promise<FileLock> {
  const fd = open(path);
  try {
    await withDeadline(deadline, async (signal) => {
      let ms = firstPause;
      while (!signal.aborted && !attempt(libc, fd, shared ? sharedLock : exclusiveLock)) {
        await pause(ms);
        ms = Math.min(ms * 2, longestPause);
      }
    });
    return held(fd);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
