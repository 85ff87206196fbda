import { type Deadline, withDeadline } from "../../core/deadline.js";

/** Who waits for the end of an order. */
interface Waiting {
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** Orders to a thread that are to be answered, each by its number. */
export class OrderAnswers {
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended: unknown;

  /** Gives an order with its number, and waits for its answer; rejects with what `answer` or `end` were told. */
  async ask(give: (order: number) => void, deadline: Deadline): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    const order = this.#next++;
    try {
      await withDeadline(
        deadline,
        () =>
          new Promise<void>((done, failed) => {
            this.#waiting.set(order, { done, failed });
            give(order);
          }),
      );
    } finally {
      this.#waiting.delete(order);
    }
  }

  /** An order was done, or failed. An answer nobody waits for any more is nothing. */
  answer(order: number, error?: unknown): void {
    const waiting = this.#waiting.get(order);
    if (error === undefined) waiting?.done();
    else waiting?.failed(error);
  }

  /** The thread is gone: nothing is answered any more. */
  end(error: unknown): void {
    this.#ended = error;
    for (const { failed } of this.#waiting.values()) failed(error);
  }
}
