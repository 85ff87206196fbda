import { traceCulprits } from "../plugin/culprit.js";
import type { Runtime } from "./runtime.js";

/** Handles an error that nobody caught, and that is no plugin's of a sandbox: the process is not to go on. */
export type OnFatal = (error: unknown, kind: "an error was not caught" | "a rejected promise was not handled") => void;

/**
 * For programs, before they make a plugin: has errors that nobody catches end the sandbox of the plugin they come from, and not the process. All others
 * go to `onFatal`, which ends the process. A library installs no such handlers, so none does this unless it is called; the
 * result takes them off again.
 */
export function catchLateErrors(runtime: Pick<Runtime, "contain">, onFatal: OnFatal): Disposable {
  traceCulprits();
  const uncaught = (error: unknown): void => {
    if (!runtime.contain(error)) onFatal(error, "an error was not caught");
  };
  const unhandled = (error: unknown): void => {
    if (!runtime.contain(error)) onFatal(error, "a rejected promise was not handled");
  };
  process.on("uncaughtException", uncaught);
  process.on("unhandledRejection", unhandled);
  return {
    [Symbol.dispose]() {
      process.off("uncaughtException", uncaught);
      process.off("unhandledRejection", unhandled);
    },
  };
}
