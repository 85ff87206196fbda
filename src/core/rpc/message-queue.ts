/** How much a queue takes before it asks its producer to wait. */
export const queueLimits = { messages: 256, bytes: 1 << 20 } as const;

/** What a queue asks of where its messages come from. */
export interface QueueSource {
  /** The queue is full: send nothing until `onRoom`. */
  onFull(): void;
  /** A message was taken from the full queue, which is still full. */
  onTake(): void;
  onRoom(): void;
  /** The consumer wants no more, or cannot decode what it gets. */
  onReturn(): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/**
 * Messages of one stream between the connection, which pushes them as they come, and the one consumer, which iterates
 * and decodes them. What was pushed before `end` or `fail` is still delivered.
 */
export class MessageQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #decode: (body: Uint8Array) => T;
  readonly #source: QueueSource;
  #bodies: Uint8Array[] = [];
  #bytes = 0;
  #full = false;
  #ended = false;
  #error: unknown;
  #waiters: Waiter<T>[] = [];

  constructor(decode: (body: Uint8Array) => T, source: QueueSource) {
    this.#decode = decode;
    this.#source = source;
  }

  /** Bytes that wait for the consumer. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message; after the end it is dropped. */
  push(body: Uint8Array): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) return this.#deliver(waiter, body);
    this.#bodies.push(body);
    this.#bytes += body.length;
    if (!this.#full && (this.#bodies.length >= queueLimits.messages || this.#bytes >= queueLimits.bytes)) {
      this.#full = true;
      this.#source.onFull();
    }
  }

  /** Nothing more comes. */
  end(): void {
    this.#finish(undefined);
  }

  /** Nothing more comes, because of `error`: the consumer gets it after what is queued. */
  fail(error: unknown): void {
    this.#finish(error);
  }

  /** Drops what is queued and fails. */
  abort(error: unknown): void {
    this.#clear();
    if (this.#ended) this.#error ??= error;
    this.#finish(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      const body = this.#bodies.shift();
      if (body !== undefined) {
        this.#bytes -= body.length;
        if (this.#full) this.#taken();
        this.#deliver(waiter, body);
      } else if (this.#ended) this.#settle(waiter);
      else this.#waiters.push(waiter);
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#clear();
    this.#error = undefined;
    this.#finish(undefined);
    this.#source.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  #clear(): void {
    this.#bodies = [];
    this.#bytes = 0;
    this.#room();
  }

  /** Half empty is soon enough to be filled again, and not so often. */
  #taken(): void {
    const { messages, bytes } = queueLimits;
    if (this.#bodies.length * 2 <= messages && this.#bytes * 2 <= bytes) this.#room();
    else this.#source.onTake();
  }

  #room(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#source.onRoom();
  }

  #finish(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const waiter of this.#waiters.splice(0)) this.#settle(waiter);
  }

  /** The error is thrown once; whoever asks again learns that the stream has ended. */
  #settle(waiter: Waiter<T>): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) waiter.resolve({ done: true, value: undefined });
    else waiter.reject(error);
  }

  #deliver(waiter: Waiter<T>, body: Uint8Array): void {
    try {
      waiter.resolve({ done: false, value: this.#decode(body) });
    } catch (error) {
      this.#clear();
      this.#finish(undefined);
      waiter.reject(error);
      this.#source.onReturn();
    }
  }
}
