import type { Resource } from "../contracts/resource.js";
import type { Scope } from "../scope.js";
import { sandboxErrors } from "./errors.js";
import { stateErrors } from "./state-errors.js";

/**
 * The resources of one sandbox or container, in the order in which they were prepared. `scope` undoes them in reverse,
 * each `detach` before its `cleanup`, also the one whose `prepare` failed.
 */
export class ResourceSet {
  readonly #scope: Scope;
  readonly #resources: Resource<unknown>[] = [];
  /** Set once the guest is gone: then there is nothing to detach from. */
  #guestGone = false;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Prepares one resource; those it requires must be prepared already. */
  async prepare<C>(resource: Resource<C>, signal: AbortSignal): Promise<C> {
    this.#own(resource);
    return resource.prepare(signal);
  }

  /** Takes over one resource, prepared and attached by a process that was killed, in the order in which it prepared them. */
  async adopt(resource: Resource<unknown>, state: unknown): Promise<void> {
    if (resource.adopt === undefined)
      throw stateErrors.KATA_RECOVER_PART({ what: `"${resource.name}"`, problem: "its plugin cannot do that" });
    this.#own(resource);
    await resource.adopt(state);
  }

  /** Attaches all that were prepared, in order. */
  async attach(signal: AbortSignal): Promise<void> {
    for (const resource of this.#resources) await resource.attach?.(signal);
  }

  /** From now on only `cleanup` runs: the guest can no longer be asked. */
  loseGuest(): void {
    this.#guestGone = true;
  }

  #own(resource: Resource<unknown>): void {
    for (const missing of resource.requires ?? []) {
      if (!this.#resources.some((one) => one.name === missing)) {
        throw sandboxErrors.KATA_RESOURCE_ORDER({ name: resource.name, missing });
      }
    }
    this.#scope.defer(resource.name, async () => {
      const errors: unknown[] = [];
      if (!this.#guestGone) await resource.detach?.().catch((error: unknown) => errors.push(error));
      await resource.cleanup().catch((error: unknown) => errors.push(error));
      if (errors.length > 0) throw new AggregateError(errors, `undoing "${resource.name}"`);
    });
    this.#resources.push(resource);
  }
}
