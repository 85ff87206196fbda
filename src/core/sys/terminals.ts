/** A window in characters. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** A new pseudoterminal, pty(7). */
export interface Terminal {
  /** Non-blocking; `descriptors.stream` makes a stream of it, whose end is the last slave's closing. */
  readonly master: number;
  readonly slave: number;
  /** `/dev/pts/N`. */
  readonly path: string;
}

/** Terminals. Making one the controlling terminal needs code in the child: leave that to the OCI runtime, or `setsid -c`. */
export interface Terminals {
  open(size?: WindowSize): Terminal;

  /** Sets the size and has the kernel send SIGWINCH. Each at most 65535. */
  resize(fd: number, size: WindowSize): void;

  size(fd: number): WindowSize;
}
