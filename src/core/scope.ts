import { withDeadline } from "./deadline.js";
import { type Bindings, rootBindings, type Token } from "./di.js";
import { defineErrors } from "./errors/error.js";

export const scopeErrors = defineErrors({
  KATA_SCOPE_CLOSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { scope: string; what: string }) => `${p.what}: the scope "${p.scope}" is closed`,
  },
  KATA_SCOPE_UNBOUND: {
    status: "INTERNAL",
    message: (p: { scope: string; what: string }) => `nothing is bound to ${p.what} in the scope "${p.scope}"`,
  },
});

/** How long one closer may take, in milliseconds, when it names no time of its own. */
const closerDeadline = 30_000;

/** Undoes one thing. `reason` is set when the scope is being destroyed and not closed. */
export type Closer = (reason?: unknown) => void | Promise<void>;

interface NamedCloser {
  readonly name: string;
  readonly close: Closer;
  readonly ms: number;
}

/**
 * The life of something that owns resources: a process, a sandbox, a container. Holds bindings (`bind`, `get`) and what
 * must be undone (`defer`). Closing runs every closer in reverse order, children first, each under a deadline; all are
 * tried and their errors gathered into one `AggregateError`.
 */
export class Scope {
  readonly name: string;
  readonly #bindings: Bindings;
  readonly #closers: NamedCloser[] = [];
  readonly #children = new Set<Scope>();
  readonly #forget: () => void;
  #closing: Promise<void> | undefined;

  private constructor(name: string, bindings: Bindings, forget: () => void) {
    this.name = name;
    this.#bindings = bindings;
    this.#forget = forget;
  }

  /** A scope with no parent. */
  static root(name: string): Scope {
    return new Scope(name, rootBindings(), () => undefined);
  }

  /** A scope that sees this one's bindings and is closed with it, before it. */
  child(name: string): Scope {
    this.#assertOpen(`child "${name}"`);
    const child: Scope = new Scope(`${this.name}/${name}`, this.#bindings.child(), () => this.#children.delete(child));
    this.#children.add(child);
    return child;
  }

  /** Binds a factory, run once at the first `get` of this scope or of one below it. */
  bind<T>(key: Token<T>, factory: (scope: Scope) => T): void {
    this.#assertOpen(`bind ${key.description}`);
    this.#bindings.bind(key, () => factory(this));
  }

  /** What is bound to a token here or above; `KATA_SCOPE_UNBOUND` when nothing is. */
  get<T>(key: Token<T>): T {
    if (!this.#bindings.has(key))
      throw scopeErrors.KATA_SCOPE_UNBOUND({ scope: this.name, what: key.description ?? "a token" });
    return this.#bindings.get(key);
  }

  /** Has `closer` run when the scope ends. `name` is what the error says when it fails or takes longer than `ms`. */
  defer(name: string, closer: Closer, ms: number = closerDeadline): void {
    this.#assertOpen(`defer "${name}"`);
    this.#closers.push({ name, close: closer, ms });
  }

  /** Names of what closing would undo, last first. */
  pending(): string[] {
    return [
      ...[...this.#children].flatMap((child) => child.pending()),
      ...this.#closers.map((c) => c.name).toReversed(),
    ];
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Graceful end. Idempotent: every call gives the same promise. */
  close(): Promise<void> {
    return this.#end(undefined);
  }

  /** End now, because of `reason`: the same closers, told why. */
  destroy(reason: unknown): Promise<void> {
    return this.#end(reason);
  }

  /** Forgets what closing would undo, here and below, and undoes none of it: it stays as it is for somebody else to go on with. */
  abandon(): void {
    for (const child of this.#children) child.abandon();
    this.#closers.length = 0;
    this.#closing ??= Promise.resolve();
    this.#forget();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(reason: unknown): Promise<void> {
    this.#closing ??= this.#runClosers(reason);
    return this.#closing;
  }

  async #runClosers(reason: unknown): Promise<void> {
    const errors: unknown[] = [];
    for (const child of [...this.#children].toReversed()) {
      await child.#end(reason).catch((error: unknown) => errors.push(error));
    }
    for (const { name, close, ms } of this.#closers.toReversed()) {
      const what = `"${name}" of the scope "${this.name}" to close`;
      try {
        await withDeadline({ ms, what }, async () => close(reason));
      } catch (error) {
        errors.push(error);
      }
    }
    this.#closers.length = 0;
    this.#forget();
    if (errors.length > 0) throw new AggregateError(errors, `closing "${this.name}" left ${errors.length} error(s)`);
  }

  #assertOpen(what: string): void {
    if (this.closed) throw scopeErrors.KATA_SCOPE_CLOSED({ scope: this.name, what });
  }
}
