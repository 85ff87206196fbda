import { messageOf } from "../errors/error.js";
import { ClientCall, type CallOwner, type ClientMethodInfo } from "./client-call.js";
import type { CallOptions } from "./definition.js";
import { rpcErrors } from "./errors.js";
import { frameFlags, frameTypes } from "./frame.js";
import { encodeData, encodeEnd } from "./frame-encoder.js";
import { MessageQueue } from "./message-queue.js";
import { type GuardedStream, StallGuard } from "./stall-guard.js";
import type { Transport } from "./transport.js";

/** What a streaming call needs of its connection. */
export interface StreamOwner extends CallOwner {
  readonly transport: Transport;
  readonly stallMs: number;
  /** Undefined when something may be sent now; else settles when it may, or when the call has ended. */
  room(call: ClientCall): Promise<void> | undefined;
}

/** A call whose request, answer, or both are streams. */
export class StreamCall extends ClientCall implements GuardedStream {
  /** The answer; of a method with one answer, that one. */
  readonly answers: MessageQueue<unknown>;
  readonly #owner: StreamOwner;
  #requests: AsyncIterator<unknown> | undefined;
  /** We may still send on this stream. */
  #open: boolean;

  constructor(info: ClientMethodInfo, owner: StreamOwner, options: CallOptions | undefined) {
    super(info, owner, options);
    this.#owner = owner;
    this.#open = info.definition.requestStream;
    const guard = new StallGuard(owner.transport, this, owner.stallMs);
    this.answers = new MessageQueue((body) => this.decode(body), guard);
  }

  get path(): string {
    return this.info.path;
  }

  get queued(): number {
    return this.answers.bytes;
  }

  receive(type: number, flags: number, body: Uint8Array): void {
    if (type === frameTypes.response) return this.#receiveResponse(body);
    if (!this.info.definition.responseStream) return this.fail(this.broke("it streamed an answer that is no stream"));
    if ((flags & frameFlags.noData) === 0) this.answers.push(body);
    if ((flags & frameFlags.remoteClosed) !== 0) {
      this.#open = false;
      this.answers.end();
      this.finish();
    }
  }

  /**
   * Ends the call here. The peer is not told: all that could be sent is the end of the requests, and it would take a
   * part for the whole.
   */
  fail(error: Error): void {
    if (this.finish()) this.answers.abort(error);
  }

  /** As `fail`, but what came before is still delivered. */
  lose(error: Error): void {
    this.answers.fail(error);
    this.finish();
  }

  stalled(error: Error): void {
    this.fail(error);
  }

  returned(): void {
    this.finish();
    this.#closeRequests();
  }

  /** The only answer of a method whose answer is no stream. */
  async answer(): Promise<unknown> {
    const first = await this.answers.next();
    if (first.done === true) throw this.broke("it ended the stream without an answer");
    return first.value;
  }

  /** Sends the requests as they come, each when the connection takes it, and then the end. */
  async pump(requests: AsyncIterable<unknown>): Promise<void> {
    try {
      const iterator = requests[Symbol.asyncIterator]();
      this.#requests = iterator;
      while (!this.finished) {
        const next = await iterator.next();
        const room = this.#owner.room(this);
        if (room !== undefined) await room;
        if (this.finished) return;
        if (next.done === true) return this.#closeRequests();
        this.#owner.transport.send(this.#encode(next.value));
      }
    } catch (cause) {
      const message = `sending the requests failed: ${messageOf(cause)}`;
      this.fail(rpcErrors.KATA_RPC_CANCELLED({ method: this.path, peer: this.owner.peer, message }, { cause }));
    }
  }

  protected override finish(): boolean {
    if (!super.finish()) return false;
    // The peer has ended the call: whoever produces requests is told, and need not be waited for.
    this.#requests?.return?.().catch(() => undefined);
    return true;
  }

  #receiveResponse(body: Uint8Array): void {
    try {
      const payload = this.payload(body);
      if (payload.length > 0 || !this.info.definition.responseStream) this.answers.push(payload);
      this.answers.end();
    } catch (error) {
      this.answers.fail(error);
    }
    this.#open = false;
    this.finish();
  }

  #encode(message: unknown): Uint8Array {
    const { requestType } = this.info.definition;
    return encodeData(this.streamId, requestType, message, `a message to ${this.path}`);
  }

  #closeRequests(): void {
    if (!this.#open || this.streamId === 0) return;
    this.#open = false;
    this.#owner.transport.send(encodeEnd(this.streamId));
  }
}
