import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EffectiveConfig } from "../../core/config/effective.js";
import type { PluginStatus } from "../../core/plugin/host.js";
import type { KindSet } from "../../core/plugin/kind-set.js";
import type { LoadRoot } from "../../core/plugin/load-tree.js";
import { Runtime } from "../../core/runtime/runtime.js";
import { builtins } from "../../plugins/builtins.js";

/** What is known of the plugins of a configuration. */
export interface TriedPlugins {
  readonly statuses: readonly PluginStatus[];
  readonly tree: readonly LoadRoot[];
  /** See `PluginTrial`. */
  readonly failures: ReadonlyMap<string, unknown>;
  readonly kinds: KindSet;
  /** Absent when it cannot be read. */
  readonly config: EffectiveConfig | undefined;
  /** What kept plugins from being tried: the configuration, or the handler. */
  readonly failure: unknown;
}

/** Loads the plugins of a configuration and makes one of each that it uses, in a directory that is removed again. */
export async function triedPlugins(configPath: string | undefined): Promise<TriedPlugins> {
  const run = await mkdtemp(join(tmpdir(), "kata-ts-plugins-"));
  try {
    await using runtime = new Runtime({
      plugins: builtins,
      roots: { run, shared: join(run, "shared") },
      ...(configPath !== undefined && { configPath }),
    });
    const { plugins, registry } = runtime;
    let config: EffectiveConfig | undefined;
    try {
      config = await runtime.config();
      return { ...(await runtime.tryPlugins()), kinds: registry.kinds, config, failure: undefined };
    } catch (failure) {
      const seen = { statuses: plugins.statuses(), tree: plugins.tree(), failures: new Map<string, unknown>() };
      return { ...seen, kinds: registry.kinds, config, failure };
    }
  } finally {
    await rm(run, { recursive: true, force: true });
  }
}
