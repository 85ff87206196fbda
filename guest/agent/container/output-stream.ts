import type { Readable } from "node:stream";

/** A read that waits for output. */
interface Waiting {
  readonly max: number;
  readonly settle: (data: Uint8Array | undefined) => void;
}

/**
 * One output of a process, given to whoever asks for the next of it, in the order of asking. Little is read ahead: a process
 * whose output nobody takes has to wait.
 */
export class OutputStream {
  readonly #stream: Readable;
  readonly #waiting: Waiting[] = [];
  readonly #onDrained: () => void;
  #rest: Buffer | undefined;
  #ended = false;
  #closed = false;
  #drained = false;

  /** `onDrained` is called when the end has been told to a reader, or the stream was closed. */
  constructor(stream: Readable, onDrained: () => void) {
    this.#stream = stream;
    this.#onDrained = onDrained;
    stream.on("readable", () => this.#serve());
    stream.on("end", () => this.#end());
    stream.on("close", () => this.#end());
    // A terminal's output ends with an error when its last user is gone; nothing more can come in any case.
    stream.on("error", () => this.#end());
  }

  /** Whether a reader knows that nothing more comes. */
  get drained(): boolean {
    return this.#drained;
  }

  /** The next 1..`max` bytes as soon as there are any, undefined at the end. Takes none when `signal` aborts first. */
  read(max: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const stop = (): void => {
        const index = this.#waiting.indexOf(waiting);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal.reason as Error);
      };
      const waiting: Waiting = {
        max,
        settle: (data) => {
          signal.removeEventListener("abort", stop);
          resolve(data);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.push(waiting);
      this.#serve();
    });
  }

  /** Stops reading; what was not read is lost, and who waits is told that it is the end. */
  close(): void {
    this.#rest = undefined;
    this.#closed = true;
    this.#stream.destroy();
    this.#end();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const piece = this.#closed ? undefined : (this.#rest ?? (this.#stream.read() as Buffer | null) ?? undefined);
      if (piece === undefined) break;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      const taken = piece.subarray(0, waiting.max);
      this.#rest = piece.length > taken.length ? piece.subarray(taken.length) : undefined;
      waiting.settle(taken);
    }
    if (this.#ended && this.#rest === undefined) this.#tellEnd();
  }

  #end(): void {
    this.#ended = true;
    this.#serve();
  }

  #tellEnd(): void {
    if (this.#waiting.length === 0 && !this.#closed) return;
    for (const waiting of this.#waiting.splice(0)) waiting.settle(undefined);
    if (this.#drained) return;
    this.#drained = true;
    this.#onDrained();
  }
}
