import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { KataError } from "../errors/error.js";
import { errnoNameOf } from "../sys/sys-error.js";
import type { Sys } from "../sys/sys.js";
import { type DialRequest, dialGuest } from "./dial-guest.js";

/** How to go on when nobody answers. */
export interface RetryRequest extends Omit<DialRequest, "ms" | "signal"> {
  /** Milliseconds between two attempts, the first ones; `laterPause`. */
  readonly pauseMs: number;
  /** Ends the trying; its reason is what the promise rejects with. */
  readonly signal: AbortSignal;
}

/** Milliseconds one attempt may take: the kernel may have lost a request sent before the guest was up. */
const attemptMs = 1_000;

/** Of the time it has taken so far, what the next pause is at least. */
const pauseShare = 1 / 40;

/** Milliseconds until the next attempt: more of them than that find a guest no sooner, and only keep it from booting. */
export function laterPause(pauseMs: number, sinceMs: number): number {
  return Math.max(pauseMs, Math.round(sinceMs * pauseShare));
}

/** What no waiting mends: a host without vsock, sockets that are not ours, a path that is none. */
const permanent = new Set(["EAFNOSUPPORT", "EPROTONOSUPPORT", "EACCES", "EPERM", "ENAMETOOLONG", "EINVAL"]);

function isPermanent(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof KataError && cause.code === "KATA_GUEST_SOCKET_PATH") return true;
    const name = errnoNameOf(cause);
    if (name !== undefined && permanent.has(name)) return true;
  }
  return false;
}

/**
 * Dials a port of the guest until it answers. Rejects with the reason of `signal` when that aborts, and at once with
 * `KATA_GUEST_DIAL` when waiting cannot help.
 */
export async function dialUntil(sys: Pick<Sys, "vsock">, request: RetryRequest): Promise<Duplex> {
  const { signal, pauseMs } = request;
  const begin = performance.now();
  for (;;) {
    signal.throwIfAborted();
    try {
      const stream = await dialGuest(sys, { ...request, ms: attemptMs });
      if (!signal.aborted) return stream;
      stream.destroy();
    } catch (error) {
      if (isPermanent(error)) throw error;
      const ms = laterPause(pauseMs, performance.now() - begin);
      await pause(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
