import { AsyncLocalStorage } from "node:async_hooks";

/** The plugin instance whose code runs, or has begun what runs: timers, callbacks, promises. */
export interface Culprit {
  /** `hypervisor/qemu`. */
  readonly id: string;
  readonly origin: string;
  /** The sandbox that the instance belongs to; absent for one of the process. */
  readonly sandbox?: string;
}

const running = new AsyncLocalStorage<Culprit | undefined>();

let tracing = false;

/**
 * From now on it is known whose code runs, for good. Not before: with Node 20 every promise of a process that asks takes
 * longer by some 80 ns, so only a program that can do something with the answer asks.
 */
export function traceCulprits(): void {
  tracing = true;
}

/** Runs a plugin's code, so that what comes of it later is known to be the plugin's; nobody's when that is undefined. */
export function runAs<T>(culprit: Culprit | undefined, run: () => T): T {
  return tracing ? running.run(culprit, run) : run();
}

/** Whose code runs now; asked in a handler of `uncaughtException`, whose error it was. */
export function currentCulprit(): Culprit | undefined {
  return running.getStore();
}
