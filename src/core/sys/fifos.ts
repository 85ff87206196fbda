import type { Socket } from "node:net";

/** Which end of a fifo. */
export type FifoEnd = "read" | "write";

/** How a fifo is opened. */
export interface FifoOptions {
  /**
   * Hold the other end open too (`O_RDWR`): a reader never sees the end, a writer needs no reader and survives one that
   * leaves, and what is written waits in the pipe for the next. Default: true for `write`, false for `read`.
   */
  readonly holdOtherEnd?: boolean;
}

/**
 * Named pipes, as containerd hands them over for a process's input and output. Opening never blocks: a reader waits for
 * its first writer in the event loop and sees the end only after one.
 */
export interface Fifos {
  /** mkfifo(3); EEXIST when something is there. */
  create(path: string, mode?: number): void;

  /**
   * Opens one end, non-blocking. Anything but a fifo, a symbolic link to one included, is `KATA_SYS_NOT_FIFO` and is
   * never opened. ENXIO: a writer without `holdOtherEnd` found no reader.
   */
  open(path: string, end: FifoEnd, options?: FifoOptions): number;

  /** The same, as a stream of the one direction. */
  stream(path: string, end: FifoEnd, options?: FifoOptions): Socket;
}
