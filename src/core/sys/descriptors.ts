import type { Duplex } from "node:stream";
import type { Deadline } from "../deadline.js";

/** What a watch reports. With an error on the descriptor both are true: the read or write then tells which. */
export interface Readiness {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Which readiness to wait for. */
export interface Interest {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

/** A descriptor watched by the event loop, through a duplicate: the open file stays open until the watch is closed. */
export interface Watch {
  /** Changes what is waited for; with neither, nothing is reported until the next change. */
  update(interest: Interest): void;
  /** Ends it; the descriptor itself stays open and is the caller's. Idempotent. */
  close(): void;
  /** Whether the watch alone keeps the process running; it does at first. */
  ref(): void;
  unref(): void;
}

/** How a descriptor becomes a stream. */
export interface StreamOptions {
  /** True by default, both. One that is false leaves the other side's end the end of the stream. */
  readonly readable?: boolean;
  readonly writable?: boolean;
  /** Keep the writing side open when the other end stops writing. True by default. */
  readonly allowHalfOpen?: boolean;
  /**
   * For a virtio-serial port: a read of zero bytes before anything was read says that the host side is not connected
   * yet, and is waited out, instead of being the end; after that it is the end. Open the port again for the next
   * connection. Sockets and fifos have no need of it and ignore it. False by default.
   */
  readonly awaitPeer?: boolean;
}

/** File descriptors of kinds that Node has no stream for, and what else is done to descriptors. */
export interface Descriptors {
  /**
   * A stream over any descriptor that can be polled; takes it. A socket of any family (vsock too) becomes a
   * `net.Socket` with libuv's own reading and writing; a terminal, a virtio-serial port, an eventfd becomes a `Duplex`
   * of this project's. Destroying the stream closes the descriptor.
   */
  stream(fd: number, options?: StreamOptions): Duplex;

  /**
   * Calls back from the event loop for as long as the descriptor is ready: whoever does not read, write or close it then
   * keeps the processor busy. Makes the descriptor non-blocking. Whatever has no readiness, such as a regular file, is
   * `KATA_SYS_WATCH`.
   */
  watch(fd: number, interest: Interest, onReady: (ready: Readiness) => void): Watch;

  /** Ends all watches of the calling thread. One that ends with a watch open takes the whole process with it. */
  unwatchAll(): void;

  /** Ends well once the descriptor is ready for either; by then some other reader may have been faster. */
  ready(fd: number, interest: Interest, deadline: Deadline): Promise<void>;

  /** Reads what is there: the number of bytes, 0 at the end, undefined when it would have to wait (`O_NONBLOCK`). */
  read(fd: number, into: Uint8Array): number | undefined;

  /** Writes what fits: the number of bytes, undefined when it would have to wait. EPIPE is an error, never a signal. */
  write(fd: number, bytes: Uint8Array): number | undefined;

  /** As `read`, into up to 1024 pieces of memory, one after the other: readv(2). */
  readVector(fd: number, pieces: readonly Uint8Array[]): number | undefined;

  /** As `write`, of up to 1024 pieces of memory at once: writev(2). */
  writeVector(fd: number, pieces: readonly Uint8Array[]): number | undefined;

  close(fd: number): void;

  /** A nameless pipe, blocking: `stream` and `watch` make an end non-blocking. */
  pipe(): { readonly read: number; readonly write: number };

  /** Another descriptor of the same open file, `atLeast` that number. */
  duplicate(fd: number, atLeast?: number): number;

  /** dup3(2): makes `to` another descriptor of what `from` is, closing what `to` was. */
  replace(from: number, to: number): void;

  setNonBlocking(fd: number, on: boolean): void;

  setCloseOnExec(fd: number, on: boolean): void;

  isTerminal(fd: number): boolean;

  /** A counter to be notified by (KVM's irqfd and ioeventfd, vhost). Non-blocking. */
  eventfd(initial?: number): number;

  /** The sum of what was added since the last call, and sets it to 0; undefined when it is 0. */
  readEventfd(fd: number): bigint | undefined;

  addEventfd(fd: number, value?: bigint): void;

  /** A nameless file in memory, shareable by its descriptor. */
  memfd(name: string, bytes?: number): number;
}
