import type { Context } from "mocha";

/** Why a test was skipped, kept on the test for the reporter. */
export const skipReason = Symbol.for("kata-ts/skip-reason");

/** Skips the running test, or every test of the suite when called in a `before` hook; the reason is always printed. */
export function skip(context: Context, reason: string): never {
  const test = context.test ?? context.currentTest;
  const tests = test?.type === "hook" ? (test.parent?.tests ?? []) : test === undefined ? [] : [test];
  for (const one of [...tests, ...(test?.parent === undefined ? [] : [test.parent])])
    Object.assign(one, { [skipReason]: reason });
  return context.skip();
}
