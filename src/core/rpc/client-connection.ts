import type { Duplex } from "node:stream";
import { type Deadline, withDeadline } from "../deadline.js";
import { KataError } from "../errors/error.js";
import { type Logger, silentLogger } from "../log.js";
import type { ClientCall, ClientMethodInfo } from "./client-call.js";
import type { CallOptions, MethodDefinition } from "./definition.js";
import { rpcErrors } from "./errors.js";
import { frameFlags, frameTypes } from "./frame.js";
import { encodeRoute } from "./frame-encoder.js";
import { defaultStallMs } from "./stall-guard.js";
import { StreamCall, type StreamOwner } from "./stream-call.js";
import { Transport } from "./transport.js";
import { UnaryCall } from "./unary-call.js";

/** Settings of a client's connection. */
export interface ClientConnectionOptions {
  /** Who is at the other end, as it completes "the connection to …". */
  readonly peer: string;
  readonly log?: Logger;
  /** Milliseconds a stream nobody reads may hold up the others; 5000 unless given. */
  readonly stallMs?: number;
}

const lastStreamId = 2 ** 32 - 1;

/**
 * The client's end of one ttrpc connection: any number of calls at a time over one byte stream. When the stream ends
 * every pending call fails with `KATA_RPC_CONNECTION_LOST`. It does not reconnect.
 */
export class ClientConnection implements StreamOwner {
  readonly peer: string;
  readonly stallMs: number;
  readonly transport: Transport;
  /** Settles when the connection has ended: with the reason, or undefined when it was closed between two messages. */
  readonly ended: Promise<KataError | undefined>;
  readonly #log: Logger;
  readonly #calls = new Map<number, ClientCall>();
  /** Calls that wait until something may be sent, oldest first, and what they do then. */
  readonly #waiting = new Map<ClientCall, () => void>();
  #pending = 0;
  #nextId = 1;
  #closing = false;
  #idle: (() => void) | undefined;
  #settleEnded!: (reason: KataError | undefined) => void;

  constructor(duplex: Duplex, options: ClientConnectionOptions) {
    this.peer = options.peer;
    this.stallMs = options.stallMs ?? defaultStallMs;
    this.#log = options.log ?? silentLogger;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    const onFrame = (id: number, type: number, flags: number, body: Uint8Array) => this.#onFrame(id, type, flags, body);
    const owner = { onFrame, onDrain: () => this.#wake(), onEnd: (reason?: KataError) => this.#onEnd(reason) };
    this.transport = new Transport(duplex, owner, options.peer);
  }

  /** Calls that have not ended. */
  get pending(): number {
    return this.#pending;
  }

  /** The function that calls one method; `createClient` makes a client of them. */
  method(service: string, definition: MethodDefinition): (input: unknown, options?: CallOptions) => unknown {
    const route = encodeRoute(service, definition.name);
    const info: ClientMethodInfo = { path: `${service}/${definition.name}`, route, definition };
    if (definition.responseStream) {
      return (input, options) => ({ [Symbol.asyncIterator]: () => this.#stream(info, input, options).answers });
    }
    if (definition.requestStream) return (input, options) => this.#stream(info, input, options).answer();
    return (request, options) =>
      new Promise((resolve, reject) => {
        const call = new UnaryCall(info, this, options, resolve, reject);
        this.#begin(call, 0, request);
      });
  }

  forget(call: ClientCall): void {
    this.#calls.delete(call.streamId);
    const waiting = this.#waiting.get(call);
    if (waiting !== undefined) {
      this.#waiting.delete(call);
      waiting();
    }
    this.#pending--;
    if (this.#pending === 0) this.#idle?.();
  }

  room(call: ClientCall): Promise<void> | undefined {
    if (!this.transport.full || this.transport.ended) return undefined;
    return new Promise((resolve) => this.#waiting.set(call, resolve));
  }

  /** Takes no more calls and ends the connection when those pending have ended, after `deadlineMs` in any case. */
  async close(deadlineMs = 10_000): Promise<void> {
    this.#closing = true;
    const deadline: Deadline = { ms: deadlineMs, what: `${this.pending} calls to ${this.peer} to end` };
    try {
      await withDeadline(deadline, async () => {
        if (this.#pending > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
        this.transport.close();
        await this.transport.closed;
      });
    } catch (error) {
      this.destroy(error);
      throw error;
    }
  }

  /** Ends the connection now; pending calls fail. */
  destroy(reason: unknown): void {
    const { peer } = this;
    this.transport.destroy(rpcErrors.KATA_RPC_DESTROYED({ peer }, { cause: reason }));
  }

  #stream(info: ClientMethodInfo, input: unknown, options: CallOptions | undefined): StreamCall {
    const call = new StreamCall(info, this, options);
    const requests = info.definition.requestStream ? (input as AsyncIterable<unknown>) : undefined;
    if (requests === undefined) this.#begin(call, frameFlags.remoteClosed, input);
    else this.#begin(call, frameFlags.remoteOpen, undefined, () => void call.pump(requests));
    return call;
  }

  #begin(call: ClientCall, flags: number, message: unknown, sent?: () => void): void {
    this.#pending++;
    call.watch();
    if (this.#closing) call.fail(rpcErrors.KATA_RPC_CLOSED({ method: call.info.path, peer: this.peer }));
    this.#send(call, flags, message, sent);
  }

  /** Sends the request as soon as the connection takes it, unless the call has ended by then. */
  #send(call: ClientCall, flags: number, message: unknown, sent?: () => void): void {
    if (call.finished) return;
    const parts = { method: call.info.path, peer: this.peer };
    if (this.transport.ended) return call.fail(rpcErrors.KATA_RPC_CLOSED(parts));
    if (this.transport.full) {
      this.#waiting.set(call, () => this.#send(call, flags, message, sent));
      return;
    }
    if (this.#nextId > lastStreamId) return call.fail(rpcErrors.KATA_RPC_STREAM_IDS_EXHAUSTED(parts));
    try {
      const frame = call.encode(this.#nextId, flags, message);
      call.streamId = this.#nextId;
      this.#nextId += 2;
      this.#calls.set(call.streamId, call);
      this.transport.send(frame);
    } catch (cause) {
      return call.fail(cause instanceof KataError ? cause : rpcErrors.KATA_RPC_ENCODE(parts, { cause }));
    }
    sent?.();
  }

  #onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    const call = this.#calls.get(streamId);
    if (call !== undefined && type !== frameTypes.request) return call.receive(type, flags, body);
    const { peer } = this;
    if (type === frameTypes.request) throw rpcErrors.KATA_RPC_FRAME_INVALID({ peer, what: "a request to a client" });
    if (streamId % 2 === 0 || streamId >= this.#nextId) {
      throw rpcErrors.KATA_RPC_FRAME_INVALID({ peer, what: `an answer on stream ${streamId}, which was never opened` });
    }
    // A call that was given up here goes on there, so its answer may come at any time.
    this.#log.trace("dropped what came for a call that has ended", { peer, stream: streamId });
  }

  #wake(): void {
    for (const [call, next] of this.#waiting) {
      if (this.transport.full && !this.transport.ended) return;
      this.#waiting.delete(call);
      next();
    }
  }

  #onEnd(reason: KataError | undefined): void {
    const { peer } = this;
    if (reason !== undefined && this.#pending > 0) {
      this.#log.warn("the connection ended", { peer, code: reason.code, error: reason, pending: this.#pending });
    }
    for (const call of this.#calls.values()) {
      const lost = rpcErrors.KATA_RPC_CONNECTION_LOST({ method: call.info.path, peer }, { cause: reason });
      if (call instanceof StreamCall) call.lose(lost);
      else call.fail(lost);
    }
    this.#wake();
    this.#settleEnded(reason);
  }
}
