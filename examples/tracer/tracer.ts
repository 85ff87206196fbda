/**
 * Middleware of the dispatcher that traces: each request is a span, and those that it leads to are spans below it, of the same
 * trace. Ids are as long as W3C's, so spans fit into any tool for traces.
 *
 *     new Runtime({ plugins: builtins, interceptors: [tracer((span) => console.log(JSON.stringify(span)))] })
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import type { Interceptor } from "kata-ts";
import { finalize, Observable, tap } from "rxjs";

/** One request, from when it was sent until it was answered. */
export interface Span {
  /** 16 bytes in hex; what one request leads to has the same. */
  readonly traceId: string;
  /** 8 bytes in hex. */
  readonly spanId: string;
  /** The request that this one was sent for; absent when it came from outside. */
  readonly parentId?: string;
  /** `task.create` */
  readonly name: string;
  readonly startedAt: Date;
  /** Milliseconds. */
  readonly duration: number;
  /** `abandoned` when whoever asked did not wait for it. */
  readonly outcome: "answered" | "failed" | "abandoned";
  readonly error?: unknown;
}

const id = (bytes: number): string => randomBytes(bytes).toString("hex");

/** `report` is told of each span when it ends: so those of what it led to come first. */
export function tracer(report: (span: Span) => void): Interceptor {
  const current = new AsyncLocalStorage<Pick<Span, "traceId" | "spanId">>();
  return (message, next) =>
    new Observable((subscriber) => {
      const parent = current.getStore();
      const own = { traceId: parent?.traceId ?? id(16), spanId: id(8) };
      const [startedAt, begun] = [new Date(), performance.now()];
      let end: Pick<Span, "outcome" | "error"> = { outcome: "abandoned" };
      const traced = next(message).pipe(
        tap({
          next: () => (end = { outcome: "answered" }),
          error: (error: unknown) => (end = { outcome: "failed", error }),
        }),
        finalize(() => {
          const duration = performance.now() - begun;
          const above = parent && { parentId: parent.spanId };
          report({ ...own, ...above, name: message.type.kind, startedAt, duration, ...end });
        }),
      );
      return current.run(own, () => traced.subscribe(subscriber));
    });
}
