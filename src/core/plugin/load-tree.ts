import type { Scope } from "../scope.js";

/** `created`: at least one instance was made; `failed`: none, or the last one was not. */
export type LoadState = "creating" | "created" | "failed";

/** What became of a plugin for one who asked for it. Times are of the last time, in milliseconds. */
export interface LoadNode {
  /** `hypervisor/qemu`. */
  readonly id: string;
  readonly origin: string;
  /** What selected it: `runtime.hypervisor_name, /etc/…:12`, `by match`. */
  readonly where: string;
  readonly state: LoadState;
  /** How often it was made. */
  readonly instances: number;
  /** From the request to the instance; absent while it is made. */
  readonly ms?: number;
  /** Of these without those in which it waited for other plugins. */
  readonly ownMs?: number;
  /** Of these those in which its schema checked its configuration. */
  readonly configMs?: number;
  readonly error?: unknown;
  /** Plugins that it asked for, in the order of asking. */
  readonly children: readonly LoadNode[];
}

/** What one owner of plugins has asked for: `runtime`, or `runtime/sandbox a`. */
export interface LoadRoot {
  readonly owner: string;
  readonly children: readonly LoadNode[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A node that is being written: one for each plugin, however often it is asked for here. */
export class LoadEntry implements Mutable<LoadNode> {
  state: LoadState = "creating";
  instances = 0;
  ms?: number;
  ownMs?: number;
  configMs?: number;
  error?: unknown;
  readonly #children = new Map<string, LoadEntry>();

  constructor(
    readonly id: string,
    readonly origin: string,
    public where: string,
  ) {}

  get children(): LoadEntry[] {
    return [...this.#children.values()];
  }

  /** As it is now. */
  node(): LoadNode {
    const { id, origin, where, state, instances, ms, ownMs, configMs, error } = this;
    return {
      id,
      origin,
      where,
      state,
      instances,
      ...(ms !== undefined && { ms }),
      ...(ownMs !== undefined && { ownMs }),
      ...(configMs !== undefined && { configMs }),
      ...(state === "failed" && { error }),
      children: this.children.map((child) => child.node()),
    };
  }

  /** The entry for a plugin that this one asks for. */
  child(id: string, origin: string, where: string): LoadEntry {
    let entry = this.#children.get(id);
    if (entry === undefined) this.#children.set(id, (entry = new LoadEntry(id, origin, where)));
    entry.state = "creating";
    entry.where = where;
    return entry;
  }
}

/** Who asked for whom, of every owner whose scope is open. */
export class LoadTree {
  readonly #roots = new Map<Scope, LoadEntry>();
  #sweepAt = 16;

  /** The entry of an owner. */
  root(scope: Scope): LoadEntry {
    let entry = this.#roots.get(scope);
    if (entry !== undefined) return entry;
    if (this.#roots.size >= this.#sweepAt) this.#sweep();
    this.#roots.set(scope, (entry = new LoadEntry(scope.name, "", "")));
    return entry;
  }

  list(): LoadRoot[] {
    this.#sweep();
    return [...this.#roots].map(([scope, entry]) => ({ owner: scope.name, children: entry.node().children }));
  }

  /** Forgets owners that have ended. */
  #sweep(): void {
    for (const scope of this.#roots.keys()) if (scope.closed) this.#roots.delete(scope);
    this.#sweepAt = Math.max(16, 2 * this.#roots.size);
  }
}
