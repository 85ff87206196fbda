import { formatPluginId } from "../../src/core/plugin/kinds.js";
import type { Plugin } from "../../src/core/plugin/plugin.js";
import { conformance, type Subjects } from "../../src/testing/index.js";
import { skip } from "./skip.js";

/** The checks of a plugin's kind as tests of it; `here` says why none of them can be run on this host. */
export function keepsPromises<K extends keyof Subjects>(plugin: Plugin<K>, subject: Subjects[K], here?: string): void {
  describe(formatPluginId(plugin), () => {
    for (const { name, skipped, run } of conformance(plugin, subject)) {
      const reason = here ?? skipped;
      it(name, function () {
        if (reason !== undefined) skip(this, reason);
        return run();
      });
    }
  });
}
