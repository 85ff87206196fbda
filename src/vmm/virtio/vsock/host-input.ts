import type { Socket } from "node:net";

/** Bytes held of what was read before the socket is left alone: about what one read of libuv's gives. */
const held = 65_536;

/** What a host's program sends, read only as far as the guest takes it. */
export class HostInput {
  readonly #socket: Socket;
  readonly #changed: () => void;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #dropping = false;

  /** `changed` is called when there is more, or the end. */
  constructor(socket: Socket, changed: () => void) {
    this.#socket = socket;
    this.#changed = changed;
  }

  start(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      if (this.#dropping) return;
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#length >= held) this.#socket.pause();
      this.#changed();
    });
    this.#socket.once("end", () => {
      this.#ended = true;
      this.#changed();
    });
  }

  /** Bytes that can be taken now. */
  get length(): number {
    return this.#length;
  }

  /** Whether the host's program sends no more; some of what it sent may still be here. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether everything was taken, and no more will come. */
  get finished(): boolean {
    return this.#ended && this.#length === 0;
  }

  /** Takes up to `most` bytes, at least one: part of the oldest piece. Only when there are some. */
  take(most: number): Uint8Array {
    const [chunk] = this.#chunks;
    if (chunk === undefined) return new Uint8Array(0);
    const part = chunk.subarray(0, most);
    if (part.length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(part.length);
    this.#length -= part.length;
    if (this.#length < held && this.#socket.isPaused()) this.#socket.resume();
    return part;
  }

  /** Forgets what there is and whatever may come, up to the end: the guest wants no more. */
  drop(): void {
    this.#dropping = true;
    this.#chunks.length = 0;
    this.#length = 0;
    if (this.#socket.isPaused()) this.#socket.resume();
  }
}
