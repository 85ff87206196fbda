/** Bytes that are gathered at most. */
const limit = 4096;

/** Gathers what a guest writes to its console, byte by byte, into pieces: whole lines as soon as nothing else is to be done. */
export class ConsoleBatch {
  readonly #tell: (bytes: Uint8Array) => void;
  #bytes = new Uint8Array(limit);
  #length = 0;
  #scheduled = false;

  constructor(tell: (bytes: Uint8Array) => void) {
    this.#tell = tell;
  }

  add(byte: number): void {
    this.#bytes[this.#length++] = byte;
    if (this.#length === limit) this.flush();
    else if (!this.#scheduled) this.#schedule();
  }

  /** Passes on what there is. */
  flush(): void {
    if (this.#length === 0) return;
    this.#tell(this.#bytes.slice(0, this.#length));
    this.#length = 0;
  }

  #schedule(): void {
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.flush();
    }, 5);
  }
}
