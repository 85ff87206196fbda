import type { Socket } from "node:net";

/** Numbers of socket(2). `type` may have `SOCK_NONBLOCK`; `SOCK_CLOEXEC` is always added. */
export interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol?: number;
}

/** A message that carries descriptors. */
export interface ReceivedDescriptors {
  /** Bytes of the message written into the buffer; 0 is the end of the stream. */
  readonly length: number;
  /** The receiver's to close. Close-on-exec. */
  readonly fds: number[];
}

/** Accepts connections of a listening descriptor until closed. */
export interface Listener {
  /** Stops and closes the listening descriptor; connections go on. Idempotent. */
  close(): void;
  ref(): void;
  unref(): void;
}

/** Callbacks of a listener. */
export interface ListenerEvents {
  /** The stream is the callee's. `peer` is the other side's socket address, as the kernel gives it. */
  connection(stream: Socket, peer: Uint8Array): void;
  /** The listener is closed after it. */
  error(error: Error): void;
}

/** Socket calls for families Node does not know. Addresses are the kernel's bytes: see `socket-address.ts`. */
export interface Sockets {
  open(kind: SocketKind): number;

  /** Two connected UNIX stream sockets. */
  pair(): [number, number];

  bind(fd: number, address: Uint8Array): void;

  listen(fd: number, backlog?: number): void;

  /** False when the connection is still being made (`O_NONBLOCK`): then wait for writable and look at `pendingError`. */
  connect(fd: number, address: Uint8Array): boolean;

  /** The next connection, non-blocking, and who it is from; undefined when there is none. */
  accept(fd: number): { readonly fd: number; readonly peer: Uint8Array } | undefined;

  /** Accepts whatever comes at a listening socket of any family; takes it. */
  serve(fd: number, events: ListenerEvents): Listener;

  localAddress(fd: number): Uint8Array;

  /** `SO_ERROR`, which reading clears: the errno's name, or undefined. */
  pendingError(fd: number): string | undefined;

  /** Sends one message: the bytes that went, undefined when it would have to wait. Never a SIGPIPE. */
  send(fd: number, bytes: Uint8Array, flags?: number): number | undefined;

  /** Receives one message: the bytes, 0 at the end, undefined when it would have to wait. */
  receive(fd: number, into: Uint8Array, flags?: number): number | undefined;

  /** Sets an integer option, setsockopt(2). */
  setOption(fd: number, level: number, option: number, value: number | Uint8Array): void;

  /** Sends at least one byte with up to 253 descriptors over a UNIX socket; they stay open here. */
  sendDescriptors(fd: number, bytes: Uint8Array, fds: readonly number[]): number | undefined;

  /**
   * Receives bytes and at most `limit` descriptors (16 by default) from a UNIX socket; when more were sent all are
   * closed and it is `KATA_SYS_TOO_MANY_DESCRIPTORS`. Undefined when it would have to wait.
   */
  receiveDescriptors(fd: number, into: Uint8Array, limit?: number): ReceivedDescriptors | undefined;

  /** A listening UNIX socket at a path (107 bytes at most, mode 0600), as a raw descriptor. The path must be free. */
  listenUnix(path: string, backlog?: number): number;
}
