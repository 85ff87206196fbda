import type { Duplex } from "node:stream";

/** One way from the host to a port of the guest. */
export interface PortTransport {
  /** For the log: `vsock`, `virtio-serial`. */
  readonly name: string;
  /** Gives every connection of the host to `onConnection`, which owns the stream, until `stop` aborts. */
  serve(port: number, onConnection: (stream: Duplex) => void, stop?: AbortSignal): void;
}
