import { readFileSync } from "node:fs";
import { Script } from "node:vm";
import { codeOf } from "../../core/errors/error.js";

/** A module of a bundle, given what a module of CommonJS has. */
type ModuleFunction = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  directory: string,
) => void;

/** What bundles load more with: code out of a cache cannot import by itself. */
export interface Loader {
  /** A bundle that lies beside this one. */
  readonly load: (name: string) => object;
  /** A module by its URL. */
  readonly import: (url: string) => Promise<unknown>;
}

/** Where the compiled code of a bundle is kept: what one version of V8 wrote no other can read. */
export const codeCachePath = (bundle: string): string => `${bundle}.${process.versions.v8}-${process.arch}.cache`;

function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * A bundle's script: compiled from its code cache when there is one that fits, from source otherwise. The file holds one
 * function expression, in ASCII: so its text is neither copied nor widened, and half the memory is saved.
 */
export function compileBundle(file: string): { script: Script; cached: boolean } {
  const cachedData = readCache(codeCachePath(file));
  const source = readFileSync(file, "latin1");
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  return { script, cached: cachedData !== undefined && script.cachedDataRejected === false };
}

/** Runs a compiled bundle and gives its exports. */
export function runBundle(file: string, script: Script, require: NodeJS.Require): object {
  const module = { exports: {} };
  const run = script.runInThisContext() as ModuleFunction;
  run(module.exports, require, module, file, file.slice(0, file.lastIndexOf("/")));
  return module.exports;
}

/** Loads a bundle; `require` is for Node's own modules and for those that lie where its caller lies. */
export function loadBundle(file: string, require: NodeJS.Require): object {
  return runBundle(file, compileBundle(file).script, require);
}
