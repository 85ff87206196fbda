import { defer, from, isObservable, type Observable, switchMap } from "rxjs";
import { dispatchErrors } from "./errors.js";
import type { Message, RequestType } from "./message.js";

/** Answers one kind of request: with one value, or with a stream of them. */
export type Handle<Request, Answer> = (payload: Request) => Promise<Answer> | Observable<Answer>;

/** Where handlers announce what they answer. */
export interface HandlerTable {
  /** `owner` is named when a second handler wants the same kind. */
  handle<Request, Answer>(type: RequestType<Request, Answer>, owner: string, handle: Handle<Request, Answer>): void;
}

/**
 * Work around every request: deadline, log, trace. Composed once, outermost first. What `next` gives is cold, and `next` never
 * throws: whatever goes wrong further in is an error of that Observable.
 */
export type Interceptor = <Request, Answer>(
  message: Message<Request, Answer>,
  next: (message: Message<Request, Answer>) => Observable<Answer>,
) => Observable<Answer>;

interface Entry {
  readonly owner: string;
  readonly handle: Handle<unknown, unknown>;
}

/** Options of a dispatcher. */
export interface DispatcherOptions {
  readonly interceptors?: readonly Interceptor[];
  /** Asked once for a message nobody answers yet; may announce handlers (the runtime chooses its handler this way). */
  readonly activate?: (message: Message<unknown, unknown>) => Promise<void>;
}

/**
 * The only thing between services and runtime handlers. A request finds its handler by its kind; nothing is broadcast.
 * The Observable is cold: the request is made at subscription, once for each.
 */
export class Dispatcher implements HandlerTable {
  readonly #entries = new Map<string, Entry>();
  readonly #run: (message: Message<unknown, unknown>) => Observable<unknown>;
  readonly #activate: DispatcherOptions["activate"];

  constructor(options: DispatcherOptions = {}) {
    this.#activate = options.activate;
    this.#run = (options.interceptors ?? []).reduceRight<(m: Message<unknown, unknown>) => Observable<unknown>>(
      (next, interceptor) => (message) => defer(() => interceptor(message, next)),
      (message) => defer(() => this.#route(message)),
    );
  }

  handle<Request, Answer>(type: RequestType<Request, Answer>, owner: string, handle: Handle<Request, Answer>): void {
    const first = this.#entries.get(type.kind);
    if (first) {
      throw dispatchErrors.KATA_DISPATCH_DUPLICATE({ kind: type.kind, first: first.owner, second: owner });
    }
    this.#entries.set(type.kind, { owner, handle: handle as Handle<unknown, unknown> });
  }

  /** Sends a message to its handler. Errors with `KATA_DISPATCH_UNHANDLED` when there is none. */
  request<Request, Answer>(message: Message<Request, Answer>): Observable<Answer> {
    return this.#run(message as Message<unknown, unknown>) as Observable<Answer>;
  }

  /** Kinds that are answered, in the order of their announcement. */
  handled(): string[] {
    return [...this.#entries.keys()];
  }

  #route(message: Message<unknown, unknown>): Observable<unknown> {
    const { kind } = message.type;
    const call = (): Observable<unknown> => {
      const entry = this.#entries.get(kind);
      if (!entry) throw dispatchErrors.KATA_DISPATCH_UNHANDLED({ kind, handled: this.handled() });
      const answer = entry.handle(message.payload);
      return isObservable(answer) ? answer : from(answer);
    };
    if (this.#entries.has(kind) || !this.#activate) return call();
    return from(this.#activate(message)).pipe(switchMap(call));
  }
}
