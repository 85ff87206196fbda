import type { Socket } from "node:net";
import { bufferBytes } from "./limits.js";

/**
 * What the guest sends, on its way to a host's program. There is one write at a time; what comes meanwhile is gathered in one
 * buffer, so that a guest that sends single bytes takes no more of our memory than its credit. That bounds the buffer.
 */
export class HostOutput {
  readonly #socket: Socket;
  readonly #written: (bytes: number) => void;
  readonly #finished: () => void;
  #isWriting = false;
  #gathered: Buffer | undefined;
  #length = 0;
  /** A buffer that was written, for the next time. */
  #spare: Buffer | undefined;
  #ending = false;
  #ended = false;

  /** `written` is told of bytes that the kernel has taken, `finished` once of all of them, after `end`. */
  constructor(socket: Socket, written: (bytes: number) => void, finished: () => void) {
    this.#socket = socket;
    this.#written = written;
    this.#finished = finished;
  }

  /** Whether everything was written, after `end`. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes at most as many bytes as fit besides those that were not yet written: `bufferBytes` in all. */
  write(data: Uint8Array): void {
    if (!this.#isWriting) return this.#write(data);
    this.#gathered ??= this.#spare ?? Buffer.allocUnsafeSlow(bufferBytes);
    this.#spare = undefined;
    this.#gathered.set(data, this.#length);
    this.#length += data.length;
  }

  /** There will be no more. */
  end(): void {
    this.#ending = true;
    if (!this.#isWriting) this.#end();
  }

  /** Writes, and keeps the buffer afterwards if it is one of ours. */
  #write(data: Uint8Array, buffer?: Buffer): void {
    this.#isWriting = true;
    this.#socket.write(data, (error) => {
      // A socket that broke says so by an event; nothing of what is left can be written.
      if (error) return;
      this.#isWriting = false;
      this.#spare = buffer ?? this.#spare;
      this.#written(data.length);
      this.#next();
    });
  }

  #next(): void {
    const buffer = this.#gathered;
    const data = buffer?.subarray(0, this.#length);
    this.#gathered = undefined;
    this.#length = 0;
    if (data !== undefined) this.#write(data, buffer);
    else if (this.#ending) this.#end();
  }

  #end(): void {
    this.#socket.end(() => {
      this.#ended = true;
      this.#finished();
    });
  }
}
