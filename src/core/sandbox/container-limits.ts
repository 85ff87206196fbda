import type { OciLinuxResources } from "../oci/spec.js";
import type { Logger } from "../log.js";
import { Turnstile } from "../turnstile.js";
import { sandboxErrors } from "./errors.js";
import { mergeResources, undoUpdate } from "./merge-resources.js";

/** The OCI resources of each container of a sandbox, by its id, in the order of their creation. */
export type SandboxLimits = ReadonlyMap<string, OciLinuxResources>;

/** One container came, went, or has other limits. */
export interface LimitsChange {
  readonly containerId: string;
  readonly before: SandboxLimits;
  readonly after: SandboxLimits;
}

/**
 * What depends on the limits of all containers of a sandbox: the size of its machine, its cgroup on the host. It is told of
 * one change at a time, in two steps, between which the guest gets to know of it. Either may reject, which fails the
 * change; then the steps that were begun are undone by the other one with `before` and `after` exchanged.
 */
export interface LimitsFollower {
  /** For messages. */
  readonly name: string;
  /** Makes room for what `after` asks for, and takes away nothing that `before` has. */
  grow(change: LimitsChange): Promise<void>;
  /** Takes away what `after` does not ask for. */
  shrink(change: LimitsChange): Promise<void>;
}

/**
 * Knows the limits of all containers of one sandbox and tells its followers, in the order in which they were added, of each
 * change: the next one begins when the one before has come to its end, however many containers are created at once.
 */
export class ContainerLimits {
  readonly #log: Logger;
  readonly #followers: LimitsFollower[] = [];
  readonly #turns = new Turnstile();
  #all: SandboxLimits = new Map();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Those of the containers there are. */
  get all(): SandboxLimits {
    return this.#all;
  }

  /** The containers of a sandbox that is adopted have these already, and so has all that follows them. */
  adopt(all: SandboxLimits): void {
    this.#all = all;
  }

  /** Adds one that is told of every change from the next on: before the first container, to miss none. */
  follow(follower: LimitsFollower): void {
    this.#followers.push(follower);
  }

  /** A container is about to be created in the guest. Rejects with a follower's error; then nothing has changed. */
  add(containerId: string, resources: OciLinuxResources): Promise<void> {
    return this.#turns.pass(() => this.#change(containerId, new Map(this.#all).set(containerId, resources)));
  }

  /**
   * A container gets other limits; those that `resources` does not name stay. `inGuest` has the guest take what it is given,
   * between the two steps of the followers. Rejects with its error, or a follower's; then nothing has changed, in the
   * guest neither (as far as `undoUpdate` goes). `KATA_LIMITS_UNKNOWN` when there is no such container.
   */
  update(
    containerId: string,
    resources: OciLinuxResources,
    inGuest: (resources: OciLinuxResources) => Promise<void>,
  ): Promise<void> {
    return this.#turns.pass(async () => {
      const old = this.#all.get(containerId);
      if (old === undefined) {
        throw sandboxErrors.KATA_LIMITS_UNKNOWN({ id: containerId, there: [...this.#all.keys()] });
      }
      const after = new Map(this.#all).set(containerId, mergeResources(old, resources));
      const step = { act: () => inGuest(resources), undo: () => inGuest(undoUpdate(old, resources)) };
      await this.#change(containerId, after, step);
    });
  }

  /**
   * A container is gone from the guest. It is whatever the followers say: what one of them cannot give back is logged.
   * Nothing happens when there is none of that id.
   */
  remove(containerId: string): Promise<void> {
    return this.#turns.pass(async () => {
      const before = this.#all;
      if (!before.has(containerId)) return;
      const after = new Map([...before].filter(([id]) => id !== containerId));
      this.#all = after;
      const change = { containerId, before, after };
      // Less for one may be more for another: without a quota it is the number of CPUs that counts.
      for (const one of this.#followers) await this.#try(one, () => one.grow(change), change);
      for (const one of this.#followers) await this.#try(one, () => one.shrink(change), change);
    });
  }

  async #change(
    containerId: string,
    after: SandboxLimits,
    inGuest?: { readonly act: () => Promise<void>; readonly undo: () => Promise<void> },
  ): Promise<void> {
    const change = { containerId, before: this.#all, after };
    const back = { containerId, before: after, after: this.#all };
    const undo: (() => Promise<void>)[] = [];
    try {
      for (const one of this.#followers) {
        undo.push(() => this.#try(one, () => one.shrink(back), back));
        await one.grow(change);
      }
      await inGuest?.act();
      if (inGuest) undo.push(() => this.#try({ name: "the guest" }, inGuest.undo, back));
      for (const one of this.#followers) {
        undo.push(() => this.#try(one, () => one.grow(back), back));
        await one.shrink(change);
      }
    } catch (error) {
      for (const step of undo.toReversed()) await step();
      throw error;
    }
    this.#all = after;
  }

  async #try(who: { readonly name: string }, act: () => Promise<void>, { containerId }: LimitsChange): Promise<void> {
    await act().catch((error: unknown) => {
      this.#log.warn("limits of a container could not be given back", { container: containerId, who: who.name, error });
    });
  }
}
