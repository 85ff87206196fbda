import type { Duplex } from "node:stream";
import type { KataError } from "../errors/error.js";
import type { Status } from "../errors/status.js";
import type { Logger } from "../log.js";
import { Request } from "../proto/gen/ttrpc/ttrpc.js";
import { rpcErrors } from "./errors.js";
import { frameTypes } from "./frame.js";
import { encodeFailure } from "./frame-encoder.js";
import { ServerCall, type ServerCallOwner, type ServerMethodInfo } from "./server-call.js";
import { refusal, statusOf } from "./status.js";
import { Transport } from "./transport.js";

/** The methods of a server by service and by their name on the wire. */
export type MethodTable = ReadonlyMap<string, ReadonlyMap<string, ServerMethodInfo>>;

/** Settings a server gives each of its connections. */
export interface ServerConnectionOptions {
  readonly peer: string;
  readonly log: Logger;
  readonly stallMs: number;
  readonly maxCalls: number;
  readonly codes: boolean;
}

/** The server's end of one ttrpc connection. */
export class ServerConnection implements ServerCallOwner {
  readonly peer: string;
  readonly log: Logger;
  readonly stallMs: number;
  readonly codes: boolean;
  readonly transport: Transport;
  /** Settles when the connection is closed, everything sent or given up. */
  readonly closed: Promise<void>;
  readonly #methods: MethodTable;
  readonly #maxCalls: number;
  readonly #calls = new Map<number, ServerCall>();
  #waiting: (() => void)[] = [];
  #lastId = 0;
  #closing = false;

  constructor(duplex: Duplex, methods: MethodTable, options: ServerConnectionOptions) {
    this.peer = options.peer;
    this.log = options.log;
    this.stallMs = options.stallMs;
    this.codes = options.codes;
    this.#maxCalls = options.maxCalls;
    this.#methods = methods;
    const onFrame = (id: number, type: number, flags: number, body: Uint8Array) => this.#onFrame(id, type, flags, body);
    const owner = { onFrame, onDrain: () => this.#onDrain(), onEnd: (reason?: KataError) => this.#onEnd(reason) };
    this.transport = new Transport(duplex, owner, options.peer);
    this.closed = this.transport.closed;
  }

  /** Calls that have not been answered. */
  get running(): number {
    return this.#calls.size;
  }

  /** Takes no more calls and ends the connection when those that run have been answered. */
  drain(): void {
    this.#closing = true;
    if (this.#calls.size === 0) this.transport.close();
  }

  /** Ends the connection now; the handlers that run are told to stop. */
  destroy(reason: unknown): void {
    this.transport.destroy(rpcErrors.KATA_RPC_DESTROYED({ peer: this.peer }, { cause: reason }));
  }

  send(frame: Uint8Array): void {
    this.transport.send(frame);
    // Who does not take answers gets no more questions read: that bounds what waits here.
    if (this.transport.full) this.transport.hold(this);
  }

  room(): Promise<void> | undefined {
    if (!this.transport.full || this.transport.ended) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  forget(call: ServerCall): void {
    this.#calls.delete(call.streamId);
    // Later, for the answer is only about to be sent.
    if (this.#closing && this.#calls.size === 0) queueMicrotask(() => this.transport.close());
  }

  #onFrame(streamId: number, type: number, flags: number, body: Uint8Array): void {
    if (type === frameTypes.request) return this.#onRequest(streamId, flags, body);
    const { peer } = this;
    if (type === frameTypes.response) {
      throw rpcErrors.KATA_RPC_FRAME_INVALID({ peer, what: "a response to a server" });
    }
    const call = this.#calls.get(streamId);
    if (call !== undefined) return call.receive(flags, body);
    // What was sent before its sender saw our answer is no mistake.
    if (streamId % 2 === 0 || streamId > this.#lastId)
      this.#refuse(streamId, "INVALID_ARGUMENT", `there is no stream ${streamId}`);
  }

  #onRequest(streamId: number, flags: number, body: Uint8Array): void {
    if (streamId % 2 === 0) return this.#refuse(streamId, "INVALID_ARGUMENT", "the stream id of a client must be odd");
    if (streamId <= this.#lastId) {
      const message = `the stream id must be above ${this.#lastId}, the last one used`;
      return this.#refuse(streamId, "INVALID_ARGUMENT", message);
    }
    this.#lastId = streamId;
    if (this.#closing) return this.#refuse(streamId, "UNAVAILABLE", "the server is closing");
    if (this.#calls.size >= this.#maxCalls) {
      return this.#refuse(streamId, "RESOURCE_EXHAUSTED", `${this.#maxCalls} calls run on this connection already`);
    }
    let request: Request;
    try {
      request = Request.decode(body);
    } catch (cause) {
      return this.#refuse(streamId, "INVALID_ARGUMENT", "the request cannot be decoded", cause);
    }
    const { service, method } = request;
    const methods = this.#methods.get(service);
    if (methods === undefined) return this.#refuse(streamId, "UNIMPLEMENTED", `there is no service ${service}`);
    const info = methods.get(method);
    if (info === undefined)
      return this.#refuse(streamId, "UNIMPLEMENTED", `the service ${service} has no method ${method}`);
    const call = new ServerCall(streamId, info, this, request);
    this.#calls.set(streamId, call);
    call.start(request.payload, flags);
  }

  #refuse(streamId: number, status: Status, message: string, cause?: unknown): void {
    const error = refusal(status, message, { cause });
    this.log.debug("refused a call", { peer: this.peer, error });
    this.send(encodeFailure(streamId, statusOf(error, this)));
  }

  #onDrain(): void {
    this.transport.release(this);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #onEnd(reason: KataError | undefined): void {
    const { peer } = this;
    if (reason !== undefined) this.log.warn("the connection ended", { peer, code: reason.code, error: reason });
    for (const call of this.#calls.values()) {
      call.abort(rpcErrors.KATA_RPC_CONNECTION_LOST({ method: call.path, peer }, { cause: reason }));
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
