/** How much of something there may be, in whatever it is counted. */
export interface Rate {
  /** What there may be each second, on the average; more than 0. */
  readonly perSecond: number;
  /** What there may be besides, once. */
  readonly burst: number;
}

/** Milliseconds that no clock tells from none: what is less comes of sums that are not exact. */
const leastWait = 1e-6;

/**
 * Bounds how much there is of something: what is taken fills up again at the rate, up to what is due for one second; the
 * burst is taken first and does not come back. Times in milliseconds of a clock that never goes back.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #burst: number;
  #level: number;
  #filled: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#burst = rate.burst;
    this.#level = rate.perSecond;
    this.#filled = now;
  }

  /** Milliseconds until this much may be taken; 0 when it may now. More than a second's worth may be when all of that is there. */
  wait(amount: number, now: number): number {
    const { perSecond } = this.#rate;
    this.#fill(now);
    const needed = Math.min(amount - this.#burst, perSecond);
    const wait = ((needed - this.#level) * 1000) / perSecond;
    return wait > leastWait ? wait : 0;
  }

  /** Takes it, whether it may be or not: what is too much is owed. */
  take(amount: number, now: number): void {
    this.#fill(now);
    const extra = Math.min(amount, this.#burst);
    this.#burst -= extra;
    this.#level -= amount - extra;
  }

  #fill(now: number): void {
    const { perSecond } = this.#rate;
    this.#level = Math.min(perSecond, this.#level + ((now - this.#filled) * perSecond) / 1000);
    this.#filled = now;
  }
}
