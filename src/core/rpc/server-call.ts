import { describeError, KataError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { KeyValue, Request } from "../proto/gen/ttrpc/ttrpc.js";
import { timerLimit } from "./client-call.js";
import type { CallContext, MethodDefinition } from "./definition.js";
import { frameFlags } from "./frame.js";
import { encodeData, encodeEnd, encodeFailure, encodeResponse } from "./frame-encoder.js";
import { MessageQueue } from "./message-queue.js";
import { decodeMetadata, type Metadata } from "./metadata.js";
import { type GuardedStream, StallGuard } from "./stall-guard.js";
import { refusal, statusOf } from "./status.js";
import type { Transport } from "./transport.js";

/** A method as a server knows it. */
export interface ServerMethodInfo {
  readonly service: string;
  /** `service/method`. */
  readonly path: string;
  readonly definition: MethodDefinition;
  /** Undefined when the implementation leaves it out. */
  readonly invoke: ((input: unknown, context: CallContext) => unknown) | undefined;
}

/** What a call needs of its connection. */
export interface ServerCallOwner {
  readonly peer: string;
  readonly transport: Transport;
  readonly stallMs: number;
  readonly log: Logger;
  /** See `ServerOptions`. */
  readonly codes: boolean;
  send(frame: Uint8Array): void;
  /** Undefined when something may be sent now; else settles when it is worth to look again. */
  room(): Promise<void> | undefined;
  /** The call has been answered or dropped. */
  forget(call: ServerCall): void;
}

/** A call that has not been answered yet, and what its handler sees of it. */
export class ServerCall implements CallContext, GuardedStream {
  readonly streamId: number;
  readonly deadline: number | undefined;
  readonly #info: ServerMethodInfo;
  readonly #owner: ServerCallOwner;
  readonly #pairs: readonly KeyValue[];
  #metadata: Metadata | undefined;
  #controller: AbortController | undefined;
  #aborted: unknown;
  #timer: NodeJS.Timeout | undefined;
  #requests: MessageQueue<unknown> | undefined;
  #answers: AsyncIterator<unknown> | undefined;
  #finished = false;

  constructor(streamId: number, info: ServerMethodInfo, owner: ServerCallOwner, request: Request) {
    this.streamId = streamId;
    this.#info = info;
    this.#owner = owner;
    this.#pairs = request.metadata;
    const ms = Number(request.timeoutNano) / 1e6;
    this.deadline = ms === 0 ? undefined : Date.now() + ms;
    // A negative one has passed; a very late one is the caller's alone to keep.
    if (ms !== 0 && ms <= timerLimit) this.#timer = setTimeout(() => this.#expire(ms), Math.max(ms, 0));
  }

  get service(): string {
    return this.#info.service;
  }

  get method(): string {
    return this.#info.definition.name;
  }

  get path(): string {
    return this.#info.path;
  }

  get peer(): string {
    return this.#owner.peer;
  }

  get metadata(): Metadata {
    this.#metadata ??= decodeMetadata(this.#pairs);
    return this.#metadata;
  }

  /** Made when it is first asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get queued(): number {
    return this.#requests?.bytes ?? 0;
  }

  /** Decodes the request and calls the handler; whatever goes wrong becomes the answer. */
  start(payload: Uint8Array, flags: number): void {
    const { invoke, definition } = this.#info;
    if (invoke === undefined) {
      return this.fail(refusal("UNIMPLEMENTED", `the service ${this.service} does not implement ${this.method}`));
    }
    try {
      const input = definition.requestStream ? this.#openRequests(payload, flags) : this.#decode(payload);
      const result = invoke(input, this);
      if (definition.responseStream) void this.#stream(result as AsyncIterable<unknown>);
      else if (result instanceof Promise) result.then(this.#answer, this.#failed);
      else this.#answer(result);
    } catch (error) {
      this.fail(error);
    }
  }

  /** A data frame of this call's stream. */
  receive(flags: number, body: Uint8Array): void {
    const hasData = (flags & frameFlags.noData) === 0;
    if (this.#requests === undefined) {
      if (!hasData) return;
      return this.fail(refusal("INVALID_ARGUMENT", `${this.path} takes no stream`));
    }
    if (hasData) this.#requests.push(body);
    if ((flags & frameFlags.remoteClosed) !== 0) this.#requests.end();
  }

  /** Answers with a failure and tells the handler to stop. Does nothing once the call has been answered. */
  fail(error: unknown): void {
    if (this.#finished) return;
    if (!(error instanceof KataError)) {
      this.#owner.log.warn("a call failed", { method: this.path, peer: this.peer, error: describeError(error) });
    }
    this.#finish(error);
    this.#owner.send(encodeFailure(this.streamId, statusOf(error, this.#owner)));
  }

  /** Drops the call without an answer: there is nobody to take it. */
  abort(reason: unknown): void {
    if (!this.#finished) this.#finish(reason);
  }

  stalled(error: Error): void {
    this.fail(error);
  }

  returned(): void {
    // The handler reads no more requests; what still comes is dropped until it has answered.
  }

  readonly #answer = (message: unknown): void => {
    if (this.#finished) return;
    const { definition } = this.#info;
    try {
      const frame = encodeResponse(this.streamId, definition.responseType, message, `the answer of ${this.path}`);
      this.#finish(undefined);
      this.#owner.send(frame);
    } catch (error) {
      this.#unencodable(error);
    }
  };

  readonly #failed = (error: unknown): void => this.fail(error);

  #openRequests(payload: Uint8Array, flags: number): MessageQueue<unknown> {
    const guard = new StallGuard(this.#owner.transport, this, this.#owner.stallMs);
    const requests = new MessageQueue((body) => this.#decode(body), guard);
    this.#requests = requests;
    // Go's client may put the first message into the request itself.
    if (payload.length > 0) requests.push(payload);
    if ((flags & frameFlags.remoteOpen) === 0) requests.end();
    return requests;
  }

  async #stream(messages: AsyncIterable<unknown>): Promise<void> {
    const { responseType } = this.#info.definition;
    try {
      const iterator = messages[Symbol.asyncIterator]();
      this.#answers = iterator;
      while (!this.#finished) {
        const next = await iterator.next();
        if (this.#finished) return;
        if (next.done === true) {
          this.#finish(undefined);
          return this.#owner.send(encodeEnd(this.streamId));
        }
        this.#owner.send(this.#encodeData(responseType, next.value));
        const room = this.#owner.room();
        if (room !== undefined) await room;
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #encodeData(type: MethodDefinition["responseType"], message: unknown): Uint8Array {
    return encodeData(this.streamId, type, message, `a message of ${this.path}`);
  }

  #unencodable(cause: unknown): void {
    const error = () => refusal("INTERNAL", `the answer of ${this.path} cannot be encoded`, { cause });
    this.fail(cause instanceof KataError ? cause : error());
  }

  #decode(payload: Uint8Array): unknown {
    try {
      return this.#info.definition.requestType.decode(payload);
    } catch (cause) {
      throw refusal("INVALID_ARGUMENT", `the request of ${this.path} cannot be decoded`, { cause });
    }
  }

  #expire(ms: number): void {
    const whole = Math.max(Math.ceil(ms), 0);
    this.fail(refusal("DEADLINE_EXCEEDED", `${this.path} was not done within ${whole} ms`));
  }

  /** `reason` is why the handler shall stop; undefined when it has answered itself. */
  #finish(reason: unknown): void {
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#owner.forget(this);
    if (reason === undefined) return this.#requests?.end();
    this.#aborted = reason;
    this.#controller?.abort(reason);
    this.#requests?.abort(reason);
    this.#answers?.return?.().catch(() => undefined);
  }
}
