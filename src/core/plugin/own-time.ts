import { deadlineErrors } from "../deadline.js";

/** What may take so long, and what is said when it takes longer. */
export interface OwnTimeLimit {
  /** Milliseconds of its own. */
  readonly ms: number;
  readonly what: string;
  readonly context: string;
}

/**
 * A deadline that does not count the time in which what it is for waits for others, which have deadlines of their own: so
 * it is always the innermost one that is late, and is blamed.
 */
export class OwnTime {
  readonly #limit: OwnTimeLimit;
  readonly #late: Promise<never>;
  #reject: (error: Error) => void = () => undefined;
  #left: number;
  #since = 0;
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: OwnTimeLimit) {
    this.#limit = limit;
    this.#left = limit.ms;
    this.#late = new Promise((_, reject) => (this.#reject = reject));
    this.#late.catch(() => undefined);
  }

  /** Milliseconds of its own that have passed. */
  get spent(): number {
    const running = this.#timer === undefined ? 0 : performance.now() - this.#since;
    return this.#limit.ms - this.#left + running;
  }

  /** The value of `wait`, or `KATA_DEADLINE` when its own time is over. */
  async run<T>(wait: () => Promise<T>): Promise<T> {
    this.#go();
    try {
      return await Promise.race([wait(), this.#late]);
    } finally {
      this.#pause();
      this.#holds = Number.POSITIVE_INFINITY;
    }
  }

  /** It begins to wait for another. */
  hold(): void {
    this.#holds += 1;
    this.#pause();
  }

  /** It has what it waited for. */
  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#go();
  }

  #go(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.#reject(deadlineErrors.KATA_DEADLINE(this.#limit)), Math.max(1, this.#left));
  }

  #pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#left -= performance.now() - this.#since;
  }
}
