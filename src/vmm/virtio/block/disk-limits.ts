import { type Rate, TokenBucket } from "./token-bucket.js";

/** What a disk may do; absent is no limit. */
export interface DiskLimits {
  /** Bytes that are read and written, together. */
  readonly bytes?: Rate;
  /** Requests of any kind. */
  readonly operations?: Rate;
}

/** Keeps the requests of a disk within its limits. */
export class DiskThrottle {
  readonly #now: () => number;
  readonly #bytes: TokenBucket | undefined;
  readonly #operations: TokenBucket | undefined;

  /** `now` is a clock that never goes back, in milliseconds. */
  constructor({ bytes, operations }: DiskLimits, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#bytes = bytes === undefined ? undefined : new TokenBucket(bytes, now());
    this.#operations = operations === undefined ? undefined : new TokenBucket(operations, now());
  }

  /** Lets a request that moves so many bytes through, and answers 0; or milliseconds after which it is to be asked again. */
  admit(bytes: number): number {
    const now = this.#now();
    const wait = Math.max(this.#bytes?.wait(bytes, now) ?? 0, this.#operations?.wait(1, now) ?? 0);
    if (wait > 0) return wait;
    this.#bytes?.take(bytes, now);
    this.#operations?.take(1, now);
    return 0;
  }
}
