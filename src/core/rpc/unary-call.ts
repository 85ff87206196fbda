import { ClientCall, type CallOwner, type ClientMethodInfo } from "./client-call.js";
import type { CallOptions } from "./definition.js";
import { frameTypes } from "./frame.js";

/** A call of one request and one answer. */
export class UnaryCall extends ClientCall {
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    info: ClientMethodInfo,
    owner: CallOwner,
    options: CallOptions | undefined,
    resolve: (answer: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super(info, owner, options);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  receive(type: number, _flags: number, body: Uint8Array): void {
    if (!this.finish()) return;
    try {
      if (type !== frameTypes.response) throw this.broke("it streamed the answer of a method without streams");
      this.#resolve(this.decode(this.payload(body)));
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(error: Error): void {
    if (this.finish()) this.#reject(error);
  }
}
