import { type Culprit, runAs } from "./culprit.js";
import { isPluginKind, kindTable } from "./kind-table.js";

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What of an instance is not to be passed on as it is. */
export interface GuardOptions {
  /** Called in the place of the method `match`, with it. */
  readonly match?: (call: () => unknown) => number;
}

/**
 * An instance as others get it: every call of a method runs as the plugin's own, so that a timer or a promise that fails
 * later is known to be the plugin's. Objects that the contract has the plugin make are guarded as well. All else is as it
 * was, `instanceof` too.
 */
export function guardInstance(instance: unknown, kind: string, culprit: Culprit, options: GuardOptions = {}): unknown {
  const methods: Readonly<Record<string, string>> = isPluginKind(kind) ? kindTable[kind].methods : {};
  const made = new WeakMap<object, object>();
  return guard(instance, (name, call) => {
    if (name === "match" && options.match !== undefined) return options.match(() => runAs(culprit, call));
    const result = runAs(culprit, call);
    if (methods[name] !== "object" || typeof result !== "object" || result === null || "then" in result) return result;
    let guarded = made.get(result);
    if (guarded === undefined) made.set(result, (guarded = guard(result, (_, inner) => runAs(culprit, inner))));
    return guarded;
  });
}

type Around = (name: string, call: () => unknown) => unknown;

function guard<T>(value: T, around: Around): T {
  if (typeof value !== "object" || value === null) return value;
  // One wrapper a method, so that a method is the same whenever it is looked at.
  const wrappers = new Map<PropertyKey, { readonly method: Method; readonly wrapper: Method }>();
  return new Proxy(value, {
    get(target, property) {
      // The target is the receiver: private members and accessors are of it alone.
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function" || typeof property === "symbol" || property === "constructor") return member;
      const method = member as Method;
      const known = wrappers.get(property);
      if (known?.method === method) return known.wrapper;
      if (isFixed(target, property)) return member;
      const wrapper: Method = (...args) => around(property, () => method.apply(target, args));
      wrappers.set(property, { method, wrapper });
      return wrapper;
    },
    set: (target, property, next) => Reflect.set(target, property, next, target),
  });
}

/** A frozen member, which JavaScript does not let a proxy replace. */
function isFixed(target: object, property: PropertyKey): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, property);
  return own !== undefined && own.configurable === false && own.writable === false;
}
