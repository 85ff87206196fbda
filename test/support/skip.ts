import type { Context, Runnable } from "mocha";

/** Why a test was skipped, kept on the test, or on its suite, for the reporter. */
export const skipReason = Symbol.for("kata-ts/skip-reason");

/** Skips the running test, or every test of the suite when called in its `before` hook; the reason is always printed. */
export function skip(context: Context, reason: string): never {
  const running: Runnable | undefined = context.test;
  const isHook = running !== undefined && Reflect.get(running, "type") === "hook";
  const target = isHook ? running.parent : running;
  if (target !== undefined) Object.assign(target, { [skipReason]: reason });
  return context.skip();
}
