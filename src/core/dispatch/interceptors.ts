import { tap } from "rxjs";
import { codeOf, describeError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { Interceptor } from "./dispatcher.js";

/** Logs every request with its time in milliseconds; failures with their code and whole story. */
export function logRequests(log: Logger): Interceptor {
  return (message, next) => {
    const started = performance.now();
    const ms = () => Math.round((performance.now() - started) * 10) / 10;
    let isAnswered = false;
    // Who waits for one answer lets go at once, so a request's completion may never be seen.
    const answered = (): void => {
      if (!isAnswered) log.debug("request answered", { request: message.type.kind, ms: ms() });
      isAnswered = true;
    };
    return next(message).pipe(
      tap({
        next: answered,
        complete: answered,
        error: (error: unknown) =>
          log.warn("request failed", {
            request: message.type.kind,
            ms: ms(),
            code: codeOf(error),
            error: describeError(error),
          }),
      }),
    );
  };
}
