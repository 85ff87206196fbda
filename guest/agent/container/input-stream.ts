import type { Writable } from "node:stream";

/** The end of input on a terminal in its usual mode: Ctrl-D. */
const endOfTransmission = Buffer.from([4]);

/** The standard input of a process. A write is answered when the process's side has taken it. */
export class InputStream {
  readonly #stream: Writable;
  readonly #isTerminal: boolean;
  #closed = false;

  constructor(stream: Writable, isTerminal: boolean) {
    this.#stream = stream;
    this.#isTerminal = isTerminal;
    stream.on("error", () => this.#close());
    stream.on("close", () => this.#close());
  }

  /** Whether nothing can be written any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends well when all is written; fails when the process no longer reads. */
  write(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Tells the process that nothing more comes. A terminal stays open: it is its output too. */
  async end(): Promise<void> {
    if (this.#closed) return;
    if (this.#isTerminal) return this.write(endOfTransmission);
    this.#closed = true;
    await new Promise<void>((resolve) => {
      this.#stream.once("close", resolve);
      this.#stream.end(() => this.#stream.destroy());
    });
  }

  /** Gives it up, with what was not taken. */
  destroy(): void {
    this.#stream.destroy();
  }

  #close(): void {
    this.#closed = true;
  }
}
