import { Response } from "../proto/gen/ttrpc/ttrpc.js";
import type { CallOptions, MethodDefinition } from "./definition.js";
import { rpcErrors } from "./errors.js";
import { encodeRequest } from "./frame-encoder.js";
import { encodeMetadata } from "./metadata.js";
import { errorOf } from "./status.js";

/** Longest time a timer of Node can wait; a later deadline is the peer's alone to keep. */
export const timerLimit = 2 ** 31 - 1;

/** A method as a client knows it. */
export interface ClientMethodInfo {
  /** `service/method`. */
  readonly path: string;
  /** From `encodeRoute`. */
  readonly route: Uint8Array;
  readonly definition: MethodDefinition;
}

/** What a call needs of its connection. */
export interface CallOwner {
  readonly peer: string;
  /** The call has ended: what still comes for it is dropped. */
  forget(call: ClientCall): void;
}

/** A call that has not ended: its deadline, its signal, and what becomes of what the peer sends. */
export abstract class ClientCall {
  readonly info: ClientMethodInfo;
  readonly owner: CallOwner;
  /** 0 until it is sent. */
  streamId = 0;
  readonly #options: CallOptions | undefined;
  #expires = 0;
  #timer: NodeJS.Timeout | undefined;
  #onAbort: (() => void) | undefined;
  #finished = false;

  constructor(info: ClientMethodInfo, owner: CallOwner, options: CallOptions | undefined) {
    this.info = info;
    this.owner = owner;
    this.#options = options;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** A frame of this call's stream. */
  abstract receive(type: number, flags: number, body: Uint8Array): void;

  /** Ends the call with `error`. Does nothing once it has ended. */
  abstract fail(error: Error): void;

  /** Starts the deadline and listens to the signal; both may end the call at once. */
  watch(): void {
    const options = this.#options;
    if (options === undefined) return;
    const { deadlineMs, signal } = options;
    if (signal?.aborted === true) return this.#cancel(signal);
    if (deadlineMs !== undefined) {
      if (!(deadlineMs > 0)) return this.#expire(deadlineMs);
      this.#expires = performance.now() + deadlineMs;
      if (deadlineMs <= timerLimit) this.#timer = setTimeout(() => this.#expire(deadlineMs), deadlineMs);
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.#cancel(signal);
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** The request frame. Throws `KATA_RPC_FRAME_TOO_LARGE` or `KATA_RPC_ENCODE`. */
  encode(streamId: number, flags: number, message: unknown): Uint8Array {
    const { path, route, definition } = this.info;
    const metadata = this.#options?.metadata;
    return encodeRequest({
      streamId,
      flags,
      route,
      type: definition.requestType,
      message,
      timeout: this.#expires === 0 ? 0n : this.#remainingNanos(),
      metadata: metadata === undefined ? [] : encodeMetadata(metadata),
      what: `the request of ${path}`,
    });
  }

  /** What every end of a call does. False when it had ended before. */
  protected finish(): boolean {
    if (this.#finished) return false;
    this.#finished = true;
    clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#options?.signal?.removeEventListener("abort", this.#onAbort);
    this.owner.forget(this);
    return true;
  }

  /** The payload of a response; throws the peer's failure, or `KATA_RPC_MALFORMED`. */
  protected payload(body: Uint8Array): Uint8Array {
    const { path: method } = this.info;
    const { peer } = this.owner;
    let response: Response;
    try {
      response = Response.decode(body);
    } catch (cause) {
      throw rpcErrors.KATA_RPC_MALFORMED({ method, peer }, { cause });
    }
    if (response.status !== undefined && response.status.code !== 0) throw errorOf(response.status, method, peer);
    return response.payload;
  }

  /** A message of the answer; throws `KATA_RPC_MALFORMED`. */
  protected decode(payload: Uint8Array): unknown {
    try {
      return this.info.definition.responseType.decode(payload);
    } catch (cause) {
      throw rpcErrors.KATA_RPC_MALFORMED({ method: this.info.path, peer: this.owner.peer }, { cause });
    }
  }

  protected broke(what: string): Error {
    return rpcErrors.KATA_RPC_PROTOCOL({ method: this.info.path, peer: this.owner.peer, what });
  }

  #remainingNanos(): bigint {
    const nanos = Math.round((this.#expires - performance.now()) * 1e6);
    return BigInt(Math.min(Math.max(nanos, 1), 2 ** 62));
  }

  #expire(ms: number): void {
    const message = `no answer within ${ms} ms`;
    this.fail(rpcErrors.KATA_RPC_DEADLINE_EXCEEDED({ method: this.info.path, peer: this.owner.peer, message }));
  }

  #cancel(signal: AbortSignal): void {
    const parts = { method: this.info.path, peer: this.owner.peer, message: "the caller gave up" };
    this.fail(rpcErrors.KATA_RPC_CANCELLED(parts, { cause: signal.reason }));
  }
}
