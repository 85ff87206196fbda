import { type Observable, Subject, type Subscription } from "rxjs";
import type { Logger } from "../log.js";
import { currentCulprit, runAs } from "../plugin/culprit.js";
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

  /**
   * Calls `listener` for every event of a kind until unsubscribed. `name` stands in the log when it throws, or when the
   * promise that it gives rejects; nobody waits for that.
   */
  subscribe<P>(type: EventType<P>, name: string, listener: (payload: P) => unknown): Subscription {
    const fail = (error: unknown): void =>
      this.#log.error("an event listener failed", { event: type.kind, listener: name, error });
    const subscriber = currentCulprit();
    return this.#subject<P>(type).subscribe((payload) => {
      try {
        // As the subscriber's own: what comes of it is none of the publisher's.
        const told = runAs(subscriber, () => listener(payload));
        if (told instanceof Promise) told.catch(fail);
      } catch (error) {
        fail(error);
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
