/** Threads of libuv's pool, of which a process has one (`UV_THREADPOOL_SIZE`). */
const poolThreads = (): number => {
  const set = Number(process.env["UV_THREADPOOL_SIZE"]);
  return Number.isInteger(set) && set >= 1 ? Math.min(set, 1024) : 4;
};

/**
 * This thread's share of libuv's pool, which all threads of the process share: all of it but one, so that a disk whose calls
 * do not end keeps nobody else's files from being read. What is more waits here, first come first served.
 */
export class PoolShare {
  readonly #size: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  constructor(size = Math.max(1, poolThreads() - 1)) {
    this.#size = size;
  }

  /** Begins a call of the pool's when there is a thread for it, which may be now; `give` is to be called when it has ended. */
  take(begin: () => void): void {
    if (this.#used === this.#size) {
      this.#waiting.push(begin);
      return;
    }
    this.#used++;
    begin();
  }

  /** A call has ended. It hands its place on, so that `#used` stays as it is. */
  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#used--;
    else next();
  }

  /** Runs a call of the pool's when there is a thread for it. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => this.take(begin));
    try {
      return await call();
    } finally {
      this.give();
    }
  }
}

/** That of this thread. */
export const poolShare = new PoolShare();
