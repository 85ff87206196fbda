import { expect } from "chai";
import { KataError } from "../../../../src/core/errors/error.js";

/** The error of ours that this throws, of this code. */
export function refusal(code: string, action: () => unknown): KataError {
  try {
    action();
  } catch (error) {
    expect(error).to.be.instanceOf(KataError);
    expect(error).to.have.property("code", code);
    return error as KataError;
  }
  throw new Error(`${code} was to be thrown, nothing was`);
}

/** What this returns; undefined when it throws an error of ours. Any other is thrown on. */
export function orRefusal<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof KataError) return undefined;
    throw error;
  }
}
