import { createRequire } from "node:module";
import { realpath } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { messageOf } from "../errors/error.js";
import { distrust } from "../trust.js";
import { pluginErrors } from "./errors.js";
import type { Registry } from "./registry.js";

/** Imports a module by URL. A parameter, because a bundle with a code cache is given its own by its boot file. */
export type Importer = (url: string) => Promise<unknown>;

/** Packages to load and where they were named. */
export interface PluginPackages {
  readonly names: readonly string[];
  /** The TOML file they stand in: packages are resolved from its place. */
  readonly file: string;
}

function pluginsOf(module: unknown): unknown[] {
  if (typeof module !== "object" || module === null) return [];
  const { plugins, plugin, default: fallback } = module as Record<string, unknown>;
  if (Array.isArray(plugins)) return plugins;
  return [plugin ?? fallback];
}

/**
 * Loads plugin packages named in a configuration file and registers what they export as `plugins`, `plugin` or default.
 * Names are bare package names or absolute paths; what they resolve to must be root's (or the caller's own) and not be
 * writable by others, up to `/`, because it becomes code of this process.
 */
export async function loadPlugins(registry: Registry, packages: PluginPackages, importer: Importer): Promise<void> {
  const require = createRequire(packages.file);
  for (const name of packages.names) {
    const fail = (problem: string, cause?: unknown) =>
      pluginErrors.KATA_PLUGIN_LOAD({ package: name, where: packages.file, problem }, { cause });
    if (name.startsWith(".")) throw fail("only package names and absolute paths are allowed");
    let path: string;
    try {
      path = await realpath(require.resolve(name));
    } catch (error) {
      throw fail(messageOf(error).split("\n")[0] ?? "it cannot be resolved", error);
    }
    const problem = distrust(path);
    if (problem !== undefined) throw fail(problem);
    let module: unknown;
    try {
      module = await importer(pathToFileURL(path).href);
    } catch (error) {
      throw fail(messageOf(error), error);
    }
    for (const plugin of pluginsOf(module)) registry.register(plugin, `package ${name} (${path})`);
  }
}
