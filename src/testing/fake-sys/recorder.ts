import { errnoNumber } from "../../core/sys/errno.js";
import { SysError } from "../../core/sys/sys-error.js";
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

/** One call of many that is refused. */
export interface Refused {
  /** Which it was, `mounts.bind`; undefined while none has been. */
  readonly refused: string | undefined;
  /** Refuses no more. */
  end(): void;
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
  #countdown: { readonly of: ReadonlySet<string>; left: number; refused: string | undefined } | undefined;

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

  /** Refuses, with EIO, the one call of those named (`mounts.bind`) before which `after` others of them come from now on. */
  refuseNext(of: ReadonlySet<string>, after: number): Refused {
    const countdown = { of, left: after, refused: undefined as string | undefined };
    this.#countdown = countdown;
    return {
      get refused() {
        return countdown.refused;
      },
      end: () => {
        if (this.#countdown === countdown) this.#countdown = undefined;
      },
    };
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
    const refuse = this.#refusalOf(name);
    if (refuse !== undefined) {
      return asynchronous.has(name) ? Promise.resolve().then(() => refuse(...args)) : refuse(...args);
    }
    const answer = (this.#answers.get(name) ?? base)(...args);
    // What is opened there is a part of the kernel too.
    return name === "netlink.route" ? this.#front("netlink", answer as object) : answer;
  }

  #refusalOf(name: string): ((...args: unknown[]) => never) | undefined {
    const countdown = this.#countdown;
    if (countdown?.of.has(name) === true && countdown.refused === undefined && countdown.left-- === 0) {
      countdown.refused = name;
      return () => {
        throw new SysError(`fake ${name}`, [], errnoNumber("EIO") ?? 0, "EIO");
      };
    }
    const refusal = this.#refusals.get(name);
    if (refusal === undefined || refusal.left <= 0) return undefined;
    refusal.left--;
    return refusal.refuse;
  }
}
