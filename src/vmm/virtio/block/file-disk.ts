import { close, fdatasync, fstatSync, readv, writev } from "node:fs";
import { constants } from "node:os";
import { promisify } from "node:util";
import type { Sys } from "../../../core/sys/sys.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { dropFirst, lengthOf } from "../chain-bytes.js";
import type { Disk } from "./disk.js";
import { blockErrors } from "./errors.js";
import { poolShare } from "./pool-share.js";

/** `BLKGETSIZE64` of `include/uapi/linux/fs.h`: bytes of a block device, as 64 bits. */
const getDeviceSize = 0x80081272;

/** The most buffers of one call: `IOV_MAX`. */
const viewsLimit = 1024;

/** Zeros are written in pieces of this many bytes where the file system cannot make them by itself. */
const zeroPiece = 1 << 20;

/**
 * The most bytes that are copied at once from the host's cache: to hand more to another thread costs little beside the copy,
 * which would keep other devices waiting.
 */
const atOnceBytes = 1 << 16;

/** The most reads for which it is not tried whether the host has them cached, after many of which it had not. */
const mostUntried = 31;

const sync = promisify(fdatasync);
const closeFile = promisify(close);

type Vectored = typeof readv | typeof writev;

/** How a disk is opened. */
export interface FileDiskOptions {
  readonly readOnly: boolean;
  /** Flushes are done at once, and nothing of them reaches the host. */
  readonly ignoreFlushes?: boolean;
  /**
   * The same file, open with `O_DIRECT`, taken too: what lies in memory as its disk needs it is read and written past the
   * host's page cache, the rest through it.
   */
  readonly direct?: number | undefined;
}

/**
 * A disk in a raw file or in a block device of the host. What of it the host has in its cache is read at once, all else is
 * read and written by libuv's threads.
 */
export class FileDisk implements Disk {
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly #sys: Pick<Sys, "files" | "inodes">;
  readonly #ignoreFlushes: boolean;
  readonly #direct: number | undefined;
  #fd: number;
  /** Reads yet that are not tried at once: none after one that was cached, more after each that was not. */
  #untried = 0;
  #untriedNext = 0;

  /**
   * Takes a descriptor, open for writing unless `readOnly`. The size is what it is now. Something other than a file or a
   * block device is `KATA_VMM_DISK_FILE`, the descriptor is the caller's then.
   */
  constructor(sys: Pick<Sys, "files" | "devices" | "inodes">, fd: number, options: FileDiskOptions) {
    const stat = fstatSync(fd);
    if (!stat.isFile() && !stat.isBlockDevice()) throw blockErrors.KATA_VMM_DISK_FILE({ fd });
    this.bytes = stat.isFile() ? stat.size : deviceSize(sys, fd);
    this.readOnly = options.readOnly;
    this.#ignoreFlushes = options.ignoreFlushes ?? false;
    this.#direct = options.direct;
    this.#sys = sys;
    this.#fd = fd;
  }

  read(into: readonly Uint8Array[], position: number): void | Promise<void> {
    const length = lengthOf(into);
    const done = length <= atOnceBytes && this.#direct === undefined ? this.#readCached(into, position) : 0;
    return done === length ? undefined : this.#all(readv, dropFirst(into, done), position + done);
  }

  write(from: readonly Uint8Array[], position: number): Promise<void> {
    return this.#all(writev, from, position);
  }

  flush(): Promise<void> {
    if (this.#ignoreFlushes) return Promise.resolve();
    return poolShare.run(() => sync(this.#fd));
  }

  discard(position: number, length: number): Promise<void> {
    return this.#zeroRange(position, length, true);
  }

  async writeZeroes(position: number, length: number, mayDiscard: boolean): Promise<void> {
    try {
      await this.#zeroRange(position, length, mayDiscard);
    } catch (error) {
      if (errnoNameOf(error) !== "EOPNOTSUPP") throw error;
      const zeros = new Uint8Array(Math.min(length, zeroPiece));
      for (let done = 0; done < length; done += zeros.length) {
        await this.#all(writev, [zeros.subarray(0, length - done)], position + done);
      }
    }
  }

  async close(): Promise<void> {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    if (this.#direct !== undefined) await closeFile(this.#direct);
    await closeFile(fd);
  }

  /** Reads as many bytes as the host has in its cache, and says how many. What else there is to say is said to others. */
  #readCached(into: readonly Uint8Array[], position: number): number {
    if (this.#untried > 0) {
      this.#untried--;
      return 0;
    }
    const count = this.#sys.inodes.readAtOnce(this.#fd, into, position);
    if (count === -constants.errno.EAGAIN) this.#untriedNext = Math.min(2 * this.#untriedNext + 1, mostUntried);
    // Never, where what holds the disk cannot tell.
    else this.#untriedNext = count === -constants.errno.EOPNOTSUPP ? Number.POSITIVE_INFINITY : 0;
    this.#untried = this.#untriedNext;
    return Math.max(0, count);
  }

  #zeroRange(position: number, length: number, deallocate: boolean): Promise<void> {
    return poolShare.run(() => this.#sys.files.zeroRange(this.#fd, position, length, { deallocate }));
  }

  /** By callbacks: between a request and its answer each promise takes its time. */
  #all(call: Vectored, views: readonly Uint8Array[], start: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let fd = this.#direct ?? this.#fd;
      const go = (left: readonly Uint8Array[], position: number): void => {
        const some = left.length > viewsLimit ? left.slice(0, viewsLimit) : left;
        const ended = (error: Error | null, count: number): void => {
          poolShare.give();
          if (error !== null && fd !== this.#fd && errnoNameOf(error) === "EINVAL") {
            // The guest's buffers do not lie as the disk needs them.
            fd = this.#fd;
            return go(left, position);
          }
          if (error !== null) return reject(error);
          if (count === 0) return reject(blockErrors.KATA_VMM_DISK_SHORT({ position }));
          const rest = dropFirst(left, count);
          if (rest.length === 0) resolve();
          else go(rest, position + count);
        };
        poolShare.take(() => call(fd, some, position, ended));
      };
      go(views, start);
    });
  }
}

function deviceSize(sys: Pick<Sys, "devices">, fd: number): number {
  const size = Buffer.alloc(8);
  sys.devices.ioctl(fd, getDeviceSize, size);
  return Number(size.readBigUInt64LE(0));
}
