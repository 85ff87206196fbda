import { describeError } from "../errors/error.js";
import type { Logger } from "../log.js";
import { type Culprit, currentCulprit } from "../plugin/culprit.js";
import { pluginErrors } from "../plugin/errors.js";
import type { Scope } from "../scope.js";

/** A sandbox that is told of what its plugins throw. */
interface Listener {
  readonly scope: Scope;
  readonly tell: (error: Error) => void;
}

/** Finds whose fault an error is that nobody caught, and has the sandbox end that the plugin belongs to. */
export class LateErrors {
  readonly #log: Logger;
  readonly #sandboxes = new Map<string, Listener>();
  /** Those whose first error is logged: a timer that throws again and again must not fill the log. */
  readonly #known = new WeakSet<Culprit>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Settles with the error that a sandbox is to end with, because a plugin of it has thrown it. */
  listen(sandbox: string, scope: Scope): Promise<Error> {
    for (const [id, other] of this.#sandboxes) if (other.scope.closed) this.#sandboxes.delete(id);
    return new Promise((resolve) => this.#sandboxes.set(sandbox, { scope, tell: resolve }));
  }

  /** Whether an error that nobody caught, asked for in its own context, is a plugin's whose sandbox ends by it, or has ended. */
  contain(error: unknown): boolean {
    const culprit = currentCulprit();
    if (culprit === undefined) return false;
    const { id, origin, sandbox } = culprit;
    if (!this.#known.has(culprit)) {
      this.#known.add(culprit);
      const stack = error instanceof Error ? error.stack : undefined;
      const where = { plugin: id, origin, ...(sandbox !== undefined && { sandbox }) };
      this.#log.error("a plugin threw an error that nobody caught", { ...where, error: describeError(error), stack });
    }
    if (sandbox === undefined) return false;
    const listener = this.#sandboxes.get(sandbox);
    listener?.tell(pluginErrors.KATA_PLUGIN_LATE({ id, origin, sandbox }, { cause: error }));
    return true;
  }
}
