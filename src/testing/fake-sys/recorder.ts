import type { Sys, SysPart } from "../../core/sys/sys.js";

/** The methods of a part of `Sys`. */
export type MethodOf<P extends SysPart> = keyof Sys[P] & string;

/** What answers a call in a part's place: a function of the same form, which may ignore arguments. */
export type Answer<P extends SysPart, M extends MethodOf<P>> = Sys[P][M];

/** One recorded call. */
export interface SysCall {
  readonly part: SysPart;
  readonly method: string;
  readonly args: readonly unknown[];
}

type AnyFunction = (...args: unknown[]) => unknown;

interface Refusal {
  readonly refuse: (...args: unknown[]) => never;
  left: number;
}

/** Methods that answer by a promise: refused, it is the promise that fails. */
const asynchronous = new Set(
  "mounts.mount mounts.mountOci mounts.bind mounts.restrict mounts.move mounts.setPropagation mounts.unmount mounts.unmountBeneath mounts.unmountTree files.removeTreeBeneath files.writeFileAtomic files.syncDirectory files.lock files.zeroRange inodes.readAt inodes.writeAt inodes.sync inodes.syncFilesystem inodes.allocate inodes.copyRange processes.exited processes.ended descriptors.ready vsock.connect machine.sync".split(
    " ",
  ),
);

/** Puts a recording, scriptable front before every part of a `Sys`. */
export class Recorder {
  readonly sys: Sys;
  readonly calls: SysCall[] = [];
  readonly #answers = new Map<string, AnyFunction>();
  readonly #refusals = new Map<string, Refusal>();

  constructor(base: Sys) {
    const parts = Object.entries(base).map(([part, value]) => [part, this.#front(part as SysPart, value)]);
    this.sys = Object.fromEntries(parts) as Sys;
  }

  answer<P extends SysPart, M extends MethodOf<P>>(part: P, method: M, answer: Answer<P, M>): void {
    this.#answers.set(`${part}.${method}`, answer as AnyFunction);
  }

  refuse(part: SysPart, method: string, refuse: (...args: unknown[]) => never, times: number): void {
    this.#refusals.set(`${part}.${method}`, { refuse, left: times });
  }

  reset(): void {
    this.#answers.clear();
    this.#refusals.clear();
  }

  #front(part: SysPart, base: object): object {
    return new Proxy(base, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function" || typeof property !== "string") return value;
        return (...args: unknown[]) => this.#call(part, property, args, (value as AnyFunction).bind(target));
      },
    });
  }

  #call(part: SysPart, method: string, args: unknown[], base: AnyFunction): unknown {
    const name = `${part}.${method}`;
    this.calls.push({ part, method, args });
    const refusal = this.#refusals.get(name);
    if (refusal !== undefined && refusal.left > 0) {
      refusal.left--;
      return asynchronous.has(name) ? Promise.resolve().then(() => refusal.refuse(...args)) : refusal.refuse(...args);
    }
    return (this.#answers.get(name) ?? base)(...args);
  }
}
