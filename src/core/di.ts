import "reflect-metadata";
import { container, type DependencyContainer } from "tsyringe";

declare const bound: unique symbol;

/**
 * The one file that touches tsyringe. Its child containers give each scope its bindings; closing is ours (`scope.ts`),
 * because tsyringe's `dispose` neither descends, nor keeps an order, nor survives a throw.
 */
export type Token<T> = symbol & { readonly [bound]?: T };

/** A token by name. `Symbol.for`, so that two copies of the library mean the same thing. */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`kata-ts/${name}`);
}

/** The bindings of one scope; those of its parents are seen through it. */
export interface Bindings {
  get<T>(key: Token<T>): T;
  has<T>(key: Token<T>): boolean;
  /** Binds a factory that runs at most once, at the first `get`. */
  bind<T>(key: Token<T>, factory: () => T): void;
  child(): Bindings;
}

function wrap(inner: DependencyContainer): Bindings {
  return {
    get: <T>(key: Token<T>) => inner.resolve<T>(key),
    has: (key) => inner.isRegistered(key, true),
    bind(key, factory) {
      let made: { value: ReturnType<typeof factory> } | undefined;
      inner.register(key, { useFactory: () => (made ??= { value: factory() }).value });
    },
    child: () => wrap(inner.createChildContainer()),
  };
}

/** Bindings with no parent: nothing is shared with tsyringe's global container. */
export function rootBindings(): Bindings {
  return wrap(container.createChildContainer());
}
