import type { Context } from "mocha";
import { skip } from "./skip.js";

/** Skips a test for whoever may not give files away or make devices. */
export function needsRoot(context: Context): void {
  if (process.getuid?.() !== 0) skip(context, "needs root: it gives files away, and makes devices and mounts");
}
