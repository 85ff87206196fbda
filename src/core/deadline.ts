import { defineErrors } from "./errors/error.js";

export const deadlineErrors = defineErrors({
  KATA_DEADLINE: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { ms: number; what: string; context: string }) =>
      `waited ${p.ms} ms for ${p.what}${p.context === "" ? "" : `; ${p.context}`}`,
  },
});

/** What a wait is for and how long it may take. */
export interface Deadline {
  /** Milliseconds. */
  readonly ms: number;
  /** What is awaited, as it completes "waited 500 ms for …". */
  readonly what: string;
  /** More for the message, asked for only when the deadline passes: the last lines of a log, for example. */
  readonly context?: () => string;
}

/**
 * The value of `wait`, or `KATA_DEADLINE` once `deadline.ms` have passed. `wait` gets a signal that is aborted then,
 * so that what it started can stop.
 */
export async function withDeadline<T>(deadline: Deadline, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const context = deadline.context?.() ?? "";
      const error = deadlineErrors.KATA_DEADLINE({ ms: deadline.ms, what: deadline.what, context });
      reject(error);
      abort.abort(error);
    }, deadline.ms);
  });
  try {
    return await Promise.race([wait(abort.signal), expired]);
  } finally {
    clearTimeout(timer);
  }
}
