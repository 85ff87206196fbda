import { realpath } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { withDeadline } from "../deadline.js";
import { messageOf } from "../errors/error.js";
import { distrust } from "../trust.js";
import { pluginErrors } from "./errors.js";
import type { Registry } from "./registry.js";
import { resolvePackage } from "./resolve-package.js";

/** Milliseconds that a package's own code may take to be loaded, unless told. */
const loadTime = 10_000;

/** Imports a module by URL. A parameter, because a bundle with a code cache is given its own by its boot file. */
export type Importer = (url: string) => Promise<unknown>;

/** Packages to load and where they were named. */
export interface PluginPackages {
  readonly names: readonly string[];
  /** The TOML file they stand in: packages are resolved from its place. */
  readonly file: string;
}

/** How packages are loaded. */
export interface LoaderOptions {
  readonly importer: Importer;
  /** Milliseconds that a package's own code may take; 10 000 when absent. */
  readonly ms?: number;
}

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  (typeof value === "object" || typeof value === "function") && value !== null;

/** How often a default export may hold another one: compiled CommonJS is one in one. */
const deepest = 3;

/**
 * What a module offers as plugins: `plugins`, `plugin` or its default export. Of CommonJS, which Node gives as a default
 * export with guesses at its names, the same of `module.exports`.
 */
function pluginsOf(module: unknown, depth = 0): readonly unknown[] | undefined {
  if (!isObject(module) || depth > deepest) return undefined;
  const { plugins, plugin, default: fallback } = module;
  if (Array.isArray(plugins)) return plugins;
  if (plugin !== undefined) return [plugin];
  if (Array.isArray(fallback)) return fallback;
  return pluginsOf(fallback, depth + 1) ?? (isObject(fallback) && "create" in fallback ? [fallback] : undefined);
}

/**
 * Loads plugin packages named in a configuration file and registers what they export as `plugins`, `plugin` or default; all
 * of a package, or nothing. Names are bare package names or absolute paths; what they resolve to must be root's (or the
 * caller's own) and not be writable by others, up to `/`, because it becomes code of this process.
 */
export async function loadPlugins(registry: Registry, packages: PluginPackages, options: LoaderOptions): Promise<void> {
  for (const name of packages.names) await loadPackage(registry, name, packages.file, options);
}

async function loadPackage(
  registry: Registry,
  name: string,
  file: string,
  { importer, ms = loadTime }: LoaderOptions,
): Promise<void> {
  const fail = (problem: string, cause?: unknown) =>
    pluginErrors.KATA_PLUGIN_LOAD({ package: name, where: file, problem }, { cause });
  if (name.startsWith(".")) throw fail("only package names and absolute paths are allowed");
  let path: string;
  try {
    path = await realpath(resolvePackage(name, file));
  } catch (error) {
    throw fail(messageOf(error).split("\n")[0] ?? "it cannot be resolved", error);
  }
  const problem = distrust(path);
  if (problem !== undefined) {
    throw fail(`${problem}; its code runs as root: chown it to root, and chmod go-w it and what it lies in`);
  }
  let module: unknown;
  try {
    const what = `the code of ${path} to be loaded; its "await" at the top level does not end`;
    module = await withDeadline({ ms, what }, () => importer(pathToFileURL(path).href));
  } catch (error) {
    // Node keeps the line to itself.
    const hint = error instanceof SyntaxError ? `; "node ${path}" shows where` : "";
    throw fail(`${messageOf(error)}${hint}`, error);
  }
  const values = pluginsOf(module);
  if (values === undefined || values.length === 0) {
    const exported = isObject(module) ? Object.keys(module).join(", ") || "nothing" : "nothing";
    throw fail(`${path} exports no "plugin", no list "plugins" and no default that is one; it exports: ${exported}`);
  }
  const origin = `package ${name} (${path})`;
  const named = (index: number) => (values.length === 1 ? origin : `${origin}, plugins[${index}]`);
  const isNamed = (value: unknown) => isObject(value) && typeof value["name"] === "string";
  registry.registerAll(values.map((value, index) => ({ value, origin: isNamed(value) ? origin : named(index) })));
}
