import { rpcErrors } from "./errors.js";
import type { QueueSource } from "./message-queue.js";
import type { Transport } from "./transport.js";

/** Milliseconds a full stream may hold up its connection before it is given up. */
export const defaultStallMs = 5_000;

/** What the guard watches. */
export interface GuardedStream {
  /** `service/method`. */
  readonly path: string;
  /** Bytes that wait for the consumer. */
  readonly queued: number;
  /** Ends the stream because its consumer does not take what comes. */
  stalled(error: Error): void;
  /** The consumer wants no more. */
  returned(): void;
}

/**
 * Keeps one stream's queue bounded. The protocol has no flow control of its own, so a full queue stops the reading of
 * the whole connection; not for ever, for other calls wait
 * with it: a stream of which nobody takes a message for `stallMs` is given up.
 */
export class StallGuard implements QueueSource {
  readonly #transport: Transport;
  readonly #stream: GuardedStream;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(transport: Transport, stream: GuardedStream, ms: number) {
    this.#transport = transport;
    this.#stream = stream;
    this.#ms = ms;
  }

  onFull(): void {
    this.#transport.hold(this);
    this.#timer = setTimeout(() => {
      const { path: method, queued: bytes } = this.#stream;
      const { peer } = this.#transport;
      this.#stream.stalled(rpcErrors.KATA_RPC_STREAM_STALLED({ method, peer, ms: this.#ms, bytes }));
    }, this.#ms);
  }

  onTake(): void {
    this.#timer?.refresh();
  }

  onRoom(): void {
    clearTimeout(this.#timer);
    this.#transport.release(this);
  }

  onReturn(): void {
    this.#stream.returned();
  }
}
