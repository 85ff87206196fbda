import { createRequire } from "node:module";
import { dirname } from "node:path";
import { lstat, realpath } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { messageOf } from "../errors/error.js";
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

/** Says why a path cannot be trusted by a process of root; undefined when it can. */
async function distrust(path: string, owner: number): Promise<string | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const stat = await lstat(at);
    if (stat.uid !== 0 && stat.uid !== owner) return `${at} belongs to user ${stat.uid}, not to root`;
    const sticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
    if ((stat.mode & 0o022) !== 0 && !sticky) {
      return `${at} may be written by others (mode ${(stat.mode & 0o777).toString(8)})`;
    }
    if (at === dirname(at)) return undefined;
  }
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
    const problem = await distrust(path, process.getuid?.() ?? 0);
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
