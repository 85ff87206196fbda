import type { Writable } from "node:stream";
import { codeOf } from "../errors/error.js";
import { ioErrors } from "./errors.js";

/**
 * Writes to a stream chunk by chunk, each awaited, so that nothing is buffered. Failures of the stream, also those between
 * two writes, reject the write that follows; they never become an uncaught `error` event.
 */
export class StreamWriter {
  readonly #stream: Writable;
  readonly #name: string;
  #failure: Error | undefined;

  /** `name` is what the error calls a stream that is closed. */
  constructor(stream: Writable, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on("error", (error) => {
      this.#failure ??= error;
    });
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#stream.destroyed) return Promise.reject(ioErrors.KATA_IO_CLOSED({ stream: this.#name }));
    return new Promise((resolve, reject) => {
      // A stream that is destroyed may drop its write callbacks; `close` comes in any case.
      const closed = (): void => reject(this.#failure ?? ioErrors.KATA_IO_CLOSED({ stream: this.#name }));
      this.#stream.once("close", closed);
      this.#stream.write(chunk, (error) => {
        this.#stream.off("close", closed);
        // Destroying it completes a pending write as if it had been done, and from Node 24 on as cancelled.
        const isCancelled = error ? codeOf(error) === "ECANCELED" : this.#stream.destroyed;
        if (isCancelled) closed();
        else if (error) reject(error);
        else resolve();
      });
    });
  }
}
