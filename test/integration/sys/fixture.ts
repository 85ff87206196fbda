import type { Context } from "mocha";
import { skip } from "../../support/skip.js";

/** Skips the suite, from its `before` hook, for whoever may not mount. */
export function needsRoot(context: Context): void {
  if (process.getuid?.() !== 0) skip(context, "needs root: it mounts and changes namespaces");
}
