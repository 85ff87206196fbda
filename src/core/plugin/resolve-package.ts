import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { codeOf, messageOf } from "../errors/error.js";

/** Conditions of `exports` that hold for us, which import and do not require. */
const conditions = new Set(["node", "import", "module-sync", "default"]);

/**
 * The file that a package, or an absolute path, stands for, seen from the directory of `file`. Throws an error whose message
 * says what to do. Node's `require.resolve` is asked first: `import.meta.resolve` takes no other place to begin at.
 */
export function resolvePackage(name: string, file: string): string {
  const require = createRequire(file);
  try {
    return require.resolve(name);
  } catch (error) {
    const paths = require.resolve.paths(name) ?? [];
    const directory = paths.map((path) => join(path, name)).find((path) => existsSync(join(path, "package.json")));
    if (codeOf(error) === "MODULE_NOT_FOUND" && name.startsWith("/")) {
      throw new Error(`there is no such file; it is that of a module, or a directory with a package.json`, {
        cause: error,
      });
    }
    if (codeOf(error) === "MODULE_NOT_FOUND" && directory === undefined) {
      const install = `npm install --prefix ${dirname(file)} ${name}`;
      throw new Error(`it is not installed where that file sees it: ${install}`, { cause: error });
    }
    if (directory === undefined) throw error;
    const entry = importEntry(directory);
    if (entry !== undefined && existsSync(entry)) return entry;
    const problem = entry === undefined ? "names no file to import" : `names ${entry}, which is not there`;
    throw new Error(`${join(directory, "package.json")} ${problem}; is the package built?`, { cause: error });
  }
}

/** What a package.json gives to who imports the package by its name. */
function importEntry(directory: string): string | undefined {
  let manifest: { exports?: unknown; main?: unknown };
  const path = join(directory, "package.json");
  try {
    manifest = JSON.parse(readFileSync(path, "utf8")) as typeof manifest;
  } catch (error) {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const target = importTarget(manifest.exports) ?? manifest.main;
  return typeof target === "string" ? join(directory, target) : undefined;
}

/** `exports` as nodejs.org/api/packages.html has it, for the package's own name alone. */
function importTarget(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports;
  if (Array.isArray(exports)) return exports.map(importTarget).find((target) => target !== undefined);
  if (typeof exports !== "object" || exports === null) return undefined;
  if ("." in exports) return importTarget(exports["."]);
  for (const [condition, target] of Object.entries(exports)) {
    const found = conditions.has(condition) ? importTarget(target) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
