import { fstatSync, readlinkSync } from "node:fs";
import { sysErrors } from "../errors.js";
import type { PathOrFd } from "../path-or-fd.js";

const typeMask = 0o170000;
const symlinkType = 0o120000;

/** See `Files.pathOfFd`. */
export function pathOfFd(fd: number): string {
  const path = `/proc/self/fd/${fd}`;
  // a descriptor from O_PATH | O_NOFOLLOW can be of a link itself, and then the way through /proc leads to its target
  if ((fstatSync(fd).mode & typeMask) === symlinkType)
    throw sysErrors.KATA_SYS_SYMLINK({ fd, link: readlinkSync(path) });
  return path;
}

/** A path for calls that take only paths. */
export function pathOf(file: PathOrFd): string {
  return typeof file === "number" ? pathOfFd(file) : file;
}
