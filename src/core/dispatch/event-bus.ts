import { type Observable, Subject, type Subscription } from "rxjs";
import type { Logger } from "../log.js";
import type { EventType } from "./message.js";

/**
 * Typed events, one Subject a kind. A listener that throws is logged with its name and hurts nobody else: RxJS would
 * rethrow it as an uncaught exception and end the process.
 */
export class EventBus {
  readonly #subjects = new Map<string, Subject<unknown>>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Tells every listener, in the order in which they subscribed, before it returns. */
  publish<P>(type: EventType<P>, payload: P): void {
    this.#subjects.get(type.kind)?.next(payload);
  }

  /** Calls `listener` for every event of a kind until unsubscribed. `name` stands in the log when it throws. */
  subscribe<P>(type: EventType<P>, name: string, listener: (payload: P) => void): Subscription {
    return this.#subject<P>(type).subscribe((payload) => {
      try {
        listener(payload);
      } catch (error) {
        this.#log.error("an event listener failed", { event: type.kind, listener: name, error });
      }
    });
  }

  /** The events of a kind, to be composed with RxJS operators. Whoever subscribes must not throw. */
  stream<P>(type: EventType<P>): Observable<P> {
    return this.#subject<P>(type).asObservable();
  }

  /** Completes every stream. */
  close(): void {
    for (const subject of this.#subjects.values()) subject.complete();
    this.#subjects.clear();
  }

  #subject<P>(type: EventType<P>): Subject<P> {
    let subject = this.#subjects.get(type.kind);
    if (subject === undefined) this.#subjects.set(type.kind, (subject = new Subject<unknown>()));
    return subject as Subject<P>;
  }
}
