import type { Plugin } from "../../../src/core/plugin/plugin.js";
import type { Subjects } from "../../../src/testing/index.js";

/** A built-in plugin, with what its kind's suite is told of it. */
export interface Held<K extends keyof Subjects> {
  readonly plugin: Plugin<K>;
  readonly subject: Subjects[K];
  /** Why the suite cannot be run on this host; absent when it can. */
  readonly here?: string;
}
