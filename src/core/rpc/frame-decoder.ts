import { rpcErrors } from "./errors.js";
import { bodyLimit, type FrameSink, frameTypes, headerLength } from "./frame.js";

const emptyBody = new Uint8Array(0);

/** Least bytes reserved for a body that arrives in pieces. */
const firstReserve = 16 << 10;

const uint32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

/**
 * Cuts a byte stream, in whatever pieces it comes, into frames. Input is hostile: a header is checked before anything
 * is reserved for its body, and no more is reserved than twice what has arrived. A frame that lies within one piece is
 * not copied.
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #peer: string;
  readonly #header = new Uint8Array(headerLength);
  #headerHave = 0;
  #streamId = 0;
  #type = 0;
  #flags = 0;
  #length = 0;
  #body: Uint8Array = emptyBody;
  #bodyHave = 0;
  #stopped = false;

  constructor(sink: FrameSink, peer: string) {
    this.#sink = sink;
    this.#peer = peer;
  }

  /** Whether a frame has begun and not ended. */
  get partial(): boolean {
    return this.#headerHave > 0;
  }

  /** Drops everything from now on; the sink is not called again, not even for frames of the current piece. */
  stop(): void {
    this.#stopped = true;
    this.#body = emptyBody;
  }

  /**
   * Takes the next piece and hands every frame it completes to the sink. Throws `KATA_RPC_FRAME_TOO_LARGE` or
   * `KATA_RPC_FRAME_INVALID`, after which the stream cannot be read on.
   */
  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length && !this.#stopped) {
      if (this.#headerHave === headerLength) at = this.#continueBody(piece, at);
      else if (this.#headerHave === 0 && piece.length - at >= headerLength) {
        this.#readHeader(piece, at);
        at += headerLength;
        const end = at + this.#length;
        if (end <= piece.length) {
          this.#sink(this.#streamId, this.#type, this.#flags, piece.subarray(at, end));
          at = end;
        } else this.#headerHave = headerLength;
      } else at = this.#continueHeader(piece, at);
    }
  }

  #continueHeader(piece: Uint8Array, at: number): number {
    const take = Math.min(headerLength - this.#headerHave, piece.length - at);
    this.#header.set(piece.subarray(at, at + take), this.#headerHave);
    this.#headerHave += take;
    if (this.#headerHave === headerLength) {
      this.#readHeader(this.#header, 0);
      if (this.#length === 0) this.#finish();
    }
    return at + take;
  }

  #continueBody(piece: Uint8Array, at: number): number {
    const take = Math.min(this.#length - this.#bodyHave, piece.length - at);
    const needed = this.#bodyHave + take;
    if (needed > this.#body.length) {
      const grown = new Uint8Array(Math.min(this.#length, Math.max(firstReserve, needed * 2)));
      grown.set(this.#body.subarray(0, this.#bodyHave));
      this.#body = grown;
    }
    this.#body.set(piece.subarray(at, at + take), this.#bodyHave);
    this.#bodyHave = needed;
    if (needed === this.#length) this.#finish();
    return at + take;
  }

  #finish(): void {
    const body = this.#body;
    this.#headerHave = 0;
    this.#bodyHave = 0;
    this.#body = emptyBody;
    this.#sink(this.#streamId, this.#type, this.#flags, body);
  }

  #readHeader(bytes: Uint8Array, at: number): void {
    const length = uint32(bytes, at);
    const type = bytes[at + 8] ?? 0;
    if (type < frameTypes.request || type > frameTypes.data) {
      throw rpcErrors.KATA_RPC_FRAME_INVALID({ peer: this.#peer, what: `a frame of type ${type}` });
    }
    if (length > bodyLimit) {
      const what = `a message from ${this.#peer}`;
      throw rpcErrors.KATA_RPC_FRAME_TOO_LARGE({ what, length, limit: bodyLimit });
    }
    this.#length = length;
    this.#streamId = uint32(bytes, at + 4);
    this.#type = type;
    this.#flags = bytes[at + 9] ?? 0;
  }
}
