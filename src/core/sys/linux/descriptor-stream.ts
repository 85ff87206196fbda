import { Duplex } from "node:stream";
import type { Readiness, StreamOptions, Watch } from "../descriptors.js";
import { errnoNameOf } from "../sys-error.js";
import { closeFd } from "./close-fd.js";
import { readFd, writeFd } from "./descriptor-io.js";
import type { Libc } from "./libc.js";
import { watchFd } from "./watch.js";

const chunkBytes = 64 * 1024;

/** Chunks read in one turn before others get theirs. */
const chunksPerTurn = 16;

/** Milliseconds until a descriptor that says ready but moves nothing is tried again. */
const idlePause = 20;

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly done: (error?: Error | null) => void;
}

/**
 * A stream over a descriptor that is no socket: a terminal's master side, a virtio-serial port. Reads and writes from
 * the event loop, never blocking.
 */
export class DescriptorStream extends Duplex {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #buffer = Buffer.allocUnsafeSlow(chunkBytes);
  #awaitsPeer: boolean;
  #reading = false;
  #pending: PendingWrite | undefined;
  #pause: NodeJS.Timeout | undefined;

  /** Takes the descriptor. */
  constructor(libc: Libc, fd: number, options: StreamOptions) {
    super({ allowHalfOpen: options.allowHalfOpen ?? true });
    this.#libc = libc;
    this.#fd = fd;
    this.#awaitsPeer = options.awaitPeer === true;
    this.#watch = watchFd(libc, fd, {}, (ready) => this.#onReady(ready));
    if (options.readable === false) this.push(null);
    if (options.writable === false) this.end();
  }

  /** Whether the stream alone keeps the process running. */
  ref(): this {
    this.#watch.ref();
    return this;
  }

  unref(): this {
    this.#watch.unref();
    return this;
  }

  override _read(): void {
    this.#reading = true;
    this.#update();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pending = { bytes: chunk, done };
    this.#writeSome();
    this.#update();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#pause);
    this.#watch.close();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(error ?? new Error("the stream was closed before it was written"));
    try {
      closeFd(this.#fd);
      done(error);
    } catch (failure) {
      done(error ?? (failure as Error));
    }
  }

  #update(): void {
    if (this.destroyed || this.#pause !== undefined) return;
    this.#watch.update({ readable: this.#reading, writable: this.#pending !== undefined });
  }

  #onReady(ready: Readiness): void {
    let moved = false;
    if (ready.readable) moved = this.#readSome();
    if (ready.writable && this.#pending !== undefined) moved = this.#writeSome() || moved;
    if (this.destroyed) return;
    if (!moved) this.#rest();
    this.#update();
  }

  /** Stops asking for a while: a port without a host end, for one, is always ready and has nothing. */
  #rest(): void {
    this.#watch.update({});
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#update();
    }, idlePause);
  }

  #readSome(): boolean {
    let moved = false;
    for (let i = 0; this.#reading && i < chunksPerTurn; i++) {
      const length = this.#readOnce();
      if (length === undefined) break;
      moved = true;
      if (length === 0) {
        this.#reading = false;
        this.push(null);
      } else if (!this.push(Buffer.from(this.#buffer.subarray(0, length)))) {
        this.#reading = false;
      }
    }
    return moved;
  }

  /** Bytes read, 0 at the end, undefined when there is nothing now. */
  #readOnce(): number | undefined {
    try {
      const length = readFd(this.#libc, this.#fd, this.#buffer);
      if (length === 0 && this.#awaitsPeer) return undefined;
      if (length !== undefined) this.#awaitsPeer = false;
      return length;
    } catch (error) {
      // how the master side of a terminal says that the last slave was closed
      if (errnoNameOf(error) === "EIO") return 0;
      this.destroy(error as Error);
      return undefined;
    }
  }

  #writeSome(): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    let written: number | undefined;
    try {
      written = writeFd(this.#libc, this.#fd, pending.bytes);
    } catch (error) {
      this.#pending = undefined;
      pending.done(error as Error);
      return true;
    }
    if (written === undefined) return false;
    if (written === pending.bytes.length) {
      this.#pending = undefined;
      pending.done();
    } else {
      this.#pending = { bytes: pending.bytes.subarray(written), done: pending.done };
    }
    return true;
  }
}
