import type { Duplex } from "node:stream";
import { KataError } from "../errors/error.js";
import { rpcErrors } from "./errors.js";
import type { FrameSink } from "./frame.js";
import { FrameDecoder } from "./frame-decoder.js";

/** What a transport tells its owner. */
export interface TransportOwner {
  readonly onFrame: FrameSink;
  /** What was full can be written to again. */
  onDrain(): void;
  /**
   * Called once, when no frame comes or leaves any more. `reason` is undefined when either side ended the connection
   * between two frames.
   */
  onEnd(reason: KataError | undefined): void;
}

/**
 * Frames over a byte stream of any kind. Writing never blocks: the owner asks `full` and waits for `onDrain`. Reading
 * goes on while nobody holds it back.
 */
export class Transport {
  readonly peer: string;
  /** Settles when the byte stream itself is closed, everything sent or given up. */
  readonly closed: Promise<void>;
  readonly #duplex: Duplex;
  readonly #owner: TransportOwner;
  readonly #decoder: FrameDecoder;
  readonly #holders = new Set<unknown>();
  #full = false;
  #corked = false;
  #ended = false;

  constructor(duplex: Duplex, owner: TransportOwner, peer: string) {
    this.peer = peer;
    this.#duplex = duplex;
    this.#owner = owner;
    this.#decoder = new FrameDecoder(owner.onFrame, peer);
    this.closed = new Promise((resolve) => {
      duplex.on("close", () => {
        this.#end(this.#truncation());
        resolve();
      });
    });
    duplex.on("data", (piece: Uint8Array) => this.#read(piece));
    duplex.on("end", () => this.#end(this.#truncation()));
    duplex.on("error", (cause) => this.#end(rpcErrors.KATA_RPC_CONNECTION_BROKEN({ peer }, { cause })));
    duplex.on("drain", () => {
      this.#full = false;
      owner.onDrain();
    });
  }

  /** Whether more should wait for `onDrain`. */
  get full(): boolean {
    return this.#full;
  }

  /** No frame comes or leaves any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a frame, even when full. The frames of one turn of the event loop leave in one system call. */
  send(frame: Uint8Array): void {
    if (this.#ended) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#duplex.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#duplex.uncork();
      });
    }
    if (!this.#duplex.write(frame)) this.#full = true;
  }

  /** Stops reading until `holder` releases it. */
  hold(holder: unknown): void {
    this.#holders.add(holder);
    if (!this.#ended) this.#duplex.pause();
  }

  /** Undoes `hold`; reading goes on when nobody else holds. */
  release(holder: unknown): void {
    if (this.#holders.delete(holder) && this.#holders.size === 0 && !this.#ended) this.#duplex.resume();
  }

  /** Ends the connection when all that was sent has left; what still comes is dropped. */
  close(): void {
    if (this.#ended) return;
    this.#duplex.end(() => this.#duplex.destroy());
    this.#end(undefined);
    this.#duplex.resume();
  }

  /** Ends the connection now. */
  destroy(reason: KataError): void {
    this.#end(reason);
    this.#duplex.destroy();
  }

  #read(piece: Uint8Array): void {
    try {
      this.#decoder.push(piece);
    } catch (cause) {
      const broken = () => rpcErrors.KATA_RPC_CONNECTION_BROKEN({ peer: this.peer }, { cause });
      this.destroy(cause instanceof KataError ? cause : broken());
    }
  }

  #truncation(): KataError | undefined {
    return this.#decoder.partial ? rpcErrors.KATA_RPC_FRAME_TRUNCATED({ peer: this.peer }) : undefined;
  }

  #end(reason: KataError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#decoder.stop();
    if (!this.#duplex.writableEnded) this.#duplex.destroy();
    this.#owner.onEnd(reason);
  }
}
