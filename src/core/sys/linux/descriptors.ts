import { fstatSync, ftruncateSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { isatty } from "node:tty";
import type { Deadline } from "../../deadline.js";
import type { Descriptors, Interest, Readiness, StreamOptions, Watch } from "../descriptors.js";
import { closeFd } from "./close-fd.js";
import { addEventfd, readFd, writeFd } from "./descriptor-io.js";
import { DescriptorStream } from "./descriptor-stream.js";
import { readVector, writeVector } from "./descriptor-vectors.js";
import type { Libc } from "./libc.js";
import { socketStream } from "./socket-stream.js";
import { duplicate, setCloseOnExec, setNonBlocking } from "./status-flags.js";
import { unwatchAll, waitUntilReady, watchFd } from "./watch.js";

const closeOnExec = 0o2000000;
const eventfdNonBlocking = 0o4000;
const memfdCloseOnExec = 1;

/** `Descriptors` by fcntl(2), eventfd(2), memfd_create(2) and libuv's poll handles. */
export class LinuxDescriptors implements Descriptors {
  readonly #libc: Libc;
  /** What comes out of an eventfd. */
  readonly #counter = Buffer.alloc(8);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  stream(fd: number, options: StreamOptions = {}): Duplex {
    const kind = fstatSync(fd);
    if (kind.isSocket()) return socketStream(this.#libc, fd, options);
    try {
      return kind.isFIFO() ? new Socket({ fd, ...options }) : new DescriptorStream(this.#libc, fd, options);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  watch(fd: number, interest: Interest, onReady: (ready: Readiness) => void): Watch {
    return watchFd(this.#libc, fd, interest, onReady);
  }

  unwatchAll(): void {
    unwatchAll();
  }

  ready(fd: number, interest: Interest, deadline: Deadline): Promise<void> {
    return waitUntilReady(this.#libc, fd, interest, deadline);
  }

  read(fd: number, into: Uint8Array): number | undefined {
    return readFd(this.#libc, fd, into);
  }

  write(fd: number, bytes: Uint8Array): number | undefined {
    return writeFd(this.#libc, fd, bytes);
  }

  readVector(fd: number, pieces: readonly Uint8Array[]): number | undefined {
    return readVector(this.#libc, fd, pieces);
  }

  writeVector(fd: number, pieces: readonly Uint8Array[]): number | undefined {
    return writeVector(this.#libc, fd, pieces);
  }

  close(fd: number): void {
    closeFd(fd);
  }

  pipe(): { readonly read: number; readonly write: number } {
    const fds = Buffer.alloc(8);
    this.#libc.call("int pipe2(void*, int)", fds, closeOnExec);
    return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
  }

  duplicate(fd: number, atLeast = 0): number {
    return duplicate(this.#libc, fd, atLeast);
  }

  replace(from: number, to: number): void {
    this.#libc.call("int dup3(int, int, int)", from, to, closeOnExec);
  }

  setNonBlocking(fd: number, on: boolean): void {
    setNonBlocking(this.#libc, fd, on);
  }

  setCloseOnExec(fd: number, on: boolean): void {
    setCloseOnExec(this.#libc, fd, on);
  }

  isTerminal(fd: number): boolean {
    return isatty(fd);
  }

  eventfd(initial = 0): number {
    return this.#libc.call("int eventfd(uint, int)", initial, closeOnExec | eventfdNonBlocking);
  }

  readEventfd(fd: number): bigint | undefined {
    return this.read(fd, this.#counter) === undefined ? undefined : this.#counter.readBigUInt64LE(0);
  }

  addEventfd(fd: number, value?: bigint): void {
    addEventfd(this.#libc, fd, value);
  }

  memfd(name: string, bytes = 0): number {
    const fd = this.#libc.call("int memfd_create(str, uint)", name, memfdCloseOnExec);
    try {
      if (bytes > 0) ftruncateSync(fd, bytes);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }
}
