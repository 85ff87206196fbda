import type { EffectiveConfig } from "../config/effective.js";
import type { Sys } from "../sys/sys.js";
import type { Roots } from "./context.js";

/** What `Plugin.check` is given. */
export interface CheckContext {
  readonly sys: Sys;
  readonly roots: Roots;
  readonly config: EffectiveConfig;
}

/**
 * One thing of the host that a plugin needs or can use.
 * - `ok`: there, and it works.
 * - `degraded`: it works without, less well; `detail` says how.
 * - `missing`: nothing works without.
 */
export interface HostFinding {
  readonly name: string;
  readonly state: "ok" | "degraded" | "missing";
  /** What was found, or why it does not work. */
  readonly detail: string;
  /** What to install, load or set; absent when all is well. */
  readonly remedy?: string;
}
