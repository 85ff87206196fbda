/** Bytes that are moved at once between the guest and a stream of the host. */
export const chunkSize = 64 * 1024;

/** Where the output of a process goes. */
export interface OutputSink {
  /**
   * Takes all of `chunk`; resolves when it may be forgotten, which is as late as whoever reads is slow. Rejects when
   * what is behind the sink failed, or the sink was closed meanwhile. One call at a time.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Nothing more comes: lets the reader see the end. Keeps what it has not read yet, until `close`. Idempotent. */
  end(): void;
  /** Gives everything back, at once where nobody reads. Idempotent. */
  close(): Promise<void>;
}

/** The sink of a process whose output nobody wants: as if it wrote to `/dev/null`. */
export const nullSink: OutputSink = {
  write: () => Promise.resolve(),
  end: () => undefined,
  close: () => Promise.resolve(),
};
