/** Where the input of a process comes from. */
export interface InputSource {
  /** What has come, all of it up to `max` bytes; undefined at the end. Waits without a deadline. One call at a time. */
  read(max: number): Promise<Uint8Array | undefined>;
  /** No writer is expected to come any more: the end is when all that were there have gone and all was read. Idempotent. */
  expectEnd(): void;
  /** Stops reading: a pending `read` gives undefined, writers get EPIPE. Idempotent. */
  close(): void;
}
