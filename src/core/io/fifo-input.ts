import type { Socket } from "node:net";
import type { Sys } from "../sys/sys.js";
import { fifoOpenError } from "./fifo-errors.js";
import type { InputSource } from "./input-source.js";

/**
 * The fifo that containerd writes a process's input to. A writing end is open here too until `expectEnd` (containerd's
 * CloseIO), so that the process does not see the end of its input when containerd restarts. Reading is done by the event
 * loop, never by a thread, and only while it is asked for: a fifo of 64 KiB and one chunk are all that is buffered.
 */
export class FifoInput implements InputSource {
  readonly #sys: Sys;
  readonly #socket: Socket;
  #keeper: number | undefined;
  #rest: Uint8Array | undefined;
  #failure: Error | undefined;
  #finished = false;
  #wake: () => void = () => undefined;

  private constructor(sys: Sys, socket: Socket, keeper: number) {
    this.#sys = sys;
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
  static open(sys: Sys, path: string): FifoInput {
    let socket: Socket | undefined;
    try {
      socket = sys.fifos.stream(path, "read");
      return new FifoInput(sys, socket, sys.fifos.open(path, "write", { holdOtherEnd: false }));
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
    if (this.#keeper === undefined) return;
    this.#sys.descriptors.close(this.#keeper);
    this.#keeper = undefined;
  }

  close(): void {
    this.expectEnd();
    this.#rest = undefined;
    this.#socket.destroy();
  }
}
