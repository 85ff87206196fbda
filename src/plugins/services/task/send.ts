import { firstValueFrom, fromEvent, map, type Observable, takeUntil } from "rxjs";
import type { Message } from "../../../core/dispatch/message.js";
import type { CallContext } from "../../../core/rpc/definition.js";

/** Sends a message to the runtime handler and gives its one answer; given up when the caller is. */
export type Send = <Request, Answer>(message: Message<Request, Answer>, context: CallContext) => Promise<Answer>;

export function sendBy(request: <Request, Answer>(message: Message<Request, Answer>) => Observable<Answer>): Send {
  return (message, { signal }) => {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const gone = fromEvent(signal, "abort").pipe(
      map(() => {
        throw signal.reason;
      }),
    );
    return firstValueFrom(request(message).pipe(takeUntil(gone)));
  };
}
