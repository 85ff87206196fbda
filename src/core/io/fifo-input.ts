import type { Socket } from "node:net";
import { errnoNameOf } from "../sys/sys-error.js";
import type { Sys } from "../sys/sys.js";
import { fifoOpenError } from "./fifo-errors.js";
import type { InputSource } from "./input-source.js";

/** What `FifoInput.open` may be told. */
export interface FifoInputOptions {
  /**
   * Holds a writing end too until `expectEnd`, so that the input outlives its writers: for a terminal, which a client leaves
   * without ending what runs in it.
   */
  readonly outlivesWriters?: boolean;
}

/**
 * The fifo that containerd writes a process's input to. As under other shims the input ends when its last writer has gone:
 * clients do not always say CloseIO. Before the first writer has come it does not end, but for `expectEnd` (CloseIO).
 * Reading is done by the event loop, never by a thread, and only while it is asked for: a fifo of 64 KiB and one chunk are
 * all that is buffered.
 */
export class FifoInput implements InputSource {
  readonly #sys: Sys;
  readonly #path: string;
  readonly #socket: Socket;
  #keeper: number | undefined;
  #endExpected = false;
  #rest: Uint8Array | undefined;
  #failure: Error | undefined;
  #finished = false;
  #wake: () => void = () => undefined;

  private constructor(sys: Sys, path: string, socket: Socket, keeper: number | undefined) {
    this.#sys = sys;
    this.#path = path;
    this.#socket = socket;
    this.#keeper = keeper;
    const wake = (): void => this.#wake();
    socket.on("readable", wake);
    socket.on("error", (error) => {
      this.#failure = error;
      wake();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#finished = true;
        wake();
      });
    }
  }

  /** Opens it; never waits for a writer. `KATA_IO_NOT_FIFO`, `KATA_IO_MISSING`, `KATA_IO_OPEN`. */
  static open(sys: Sys, path: string, options: FifoInputOptions = {}): FifoInput {
    let socket: Socket | undefined;
    try {
      socket = sys.fifos.stream(path, "read");
      const keeper = options.outlivesWriters ? sys.fifos.open(path, "write", { holdOtherEnd: false }) : undefined;
      return new FifoInput(sys, path, socket, keeper);
    } catch (error) {
      socket?.destroy();
      throw fifoOpenError("stdin", path, error);
    }
  }

  async read(max: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      this.#rest = undefined;
      if (chunk !== null && chunk.length > 0) {
        if (chunk.length > max) this.#rest = chunk.subarray(max);
        return chunk.subarray(0, max);
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#finished) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  expectEnd(): void {
    if (this.#endExpected) return;
    this.#endExpected = true;
    const keeper = this.#keeper ?? this.#passingWriter();
    this.#keeper = undefined;
    if (keeper !== undefined) this.#sys.descriptors.close(keeper);
  }

  /** A writer that comes only to go: a fifo that never had one does not end by itself. */
  #passingWriter(): number | undefined {
    try {
      return this.#sys.fifos.open(this.#path, "write", { holdOtherEnd: false });
    } catch (error) {
      if (errnoNameOf(error) !== "ENOENT") throw error;
      // Its name is gone, so no writer can come any more; whoever writes still ends it by leaving.
      return undefined;
    }
  }

  close(): void {
    this.#endExpected = true;
    if (this.#keeper !== undefined) this.#sys.descriptors.close(this.#keeper);
    this.#keeper = undefined;
    this.#rest = undefined;
    this.#socket.destroy();
  }
}
