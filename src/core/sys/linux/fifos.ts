import { fstatSync, openSync, type Stats } from "node:fs";
import { Socket } from "node:net";
import { sysErrors } from "../errors.js";
import type { FifoEnd, FifoOptions, Fifos } from "../fifos.js";
import { OpenFlag } from "../open-flags.js";
import { withFdSync } from "./close-fd.js";
import type { Libc } from "./libc.js";

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return "symbolic link";
  if (stats.isDirectory()) return "directory";
  if (stats.isCharacterDevice()) return "character device";
  if (stats.isBlockDevice()) return "block device";
  return stats.isSocket() ? "socket" : "regular file";
}

/** `Fifos`: only `create` needs the C library. */
export class LinuxFifos implements Fifos {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  create(path: string, mode = 0o600): void {
    this.#libc.call("int mkfifo(str, uint)", path, mode);
  }

  open(path: string, end: FifoEnd, { holdOtherEnd = end === "write" }: FifoOptions = {}): number {
    // the name is resolved once, without opening what it names; a device would act on being opened
    return withFdSync(openSync(path, OpenFlag.pathOnly | OpenFlag.noFollow), (found) => {
      const stats = fstatSync(found);
      if (!stats.isFIFO()) throw sysErrors.KATA_SYS_NOT_FIFO({ path, kind: kindOf(stats) });
      const direction = end === "read" ? OpenFlag.read : OpenFlag.write;
      const access = holdOtherEnd ? OpenFlag.readWrite : direction;
      return openSync(`/proc/self/fd/${found}`, access | OpenFlag.nonBlock);
    });
  }

  stream(path: string, end: FifoEnd, options?: FifoOptions): Socket {
    const fd = this.open(path, end, options);
    return new Socket({ fd, readable: end === "read", writable: end === "write" });
  }
}
