import type { Socket } from "node:net";
import type { Sys } from "../sys/sys.js";
import { fifoOpenError } from "./fifo-errors.js";
import type { OutputSink } from "./output-sink.js";
import { bytesWaiting } from "./pipe-fill.js";
import type { StdioStream } from "./stdio-uri.js";
import { StreamWriter } from "./stream-writer.js";

const firstPauseMs = 1;
const longestPauseMs = 250;

/**
 * The fifo that containerd reads a process's output from. Both ends are open here, so that containerd may go and come back:
 * what was written waits in the fifo (64 KiB), and a write that does not fit waits for the next reader.
 *
 * After `end` the writing end is closed as soon as the fifo is empty, which is when its reader sees the end; while data
 * waits it stays open, because a reader that comes later could not open the fifo without a writer.
 */
export class FifoOutput implements OutputSink {
  readonly #sys: Sys;
  readonly #keeper: number;
  readonly #socket: Socket;
  readonly #writer: StreamWriter;
  #ended = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(sys: Sys, stream: StdioStream, keeper: number, socket: Socket) {
    this.#sys = sys;
    this.#keeper = keeper;
    this.#socket = socket;
    this.#writer = new StreamWriter(socket, stream);
  }

  /** Opens both ends; it never waits. `KATA_IO_NOT_FIFO`, `KATA_IO_MISSING`, `KATA_IO_OPEN`. */
  static open(sys: Sys, stream: StdioStream, path: string): FifoOutput {
    let keeper: number | undefined;
    try {
      keeper = sys.fifos.open(path, "read");
      const socket = sys.fifos.stream(path, "write", { holdOtherEnd: false });
      return new FifoOutput(sys, stream, keeper, socket);
    } catch (error) {
      if (keeper !== undefined) sys.descriptors.close(keeper);
      throw fifoOpenError(stream, path, error);
    }
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#writer.write(chunk);
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#endWhenRead(firstPauseMs);
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#sys.descriptors.close(this.#keeper);
    return Promise.resolve();
  }

  #endWhenRead(pauseMs: number): void {
    if (bytesWaiting(this.#sys, this.#keeper) === 0) {
      this.#socket.destroy();
      return;
    }
    this.#timer = setTimeout(() => this.#endWhenRead(Math.min(pauseMs * 2, longestPauseMs)), pauseMs);
    this.#timer.unref();
  }
}
