import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OciHook } from "../../../src/core/oci/spec.js";

const kinds = ["prestart", "poststart", "poststop"] as const;

function executablesIn(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory).toSorted();
  } catch {
    // there need not be hooks of every kind
    return [];
  }
  return names.map((name) => join(directory, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Hooks of the guest's image: the programs in `prestart`, `poststart` and `poststop` below `directory`, by name. */
export function findGuestHooks(directory: string): Record<string, OciHook[]> {
  const hooks: Record<string, OciHook[]> = {};
  for (const kind of kinds) {
    const found = executablesIn(join(directory, kind)).map((path) => ({ path, args: [path.split("/").at(-1) ?? ""] }));
    if (found.length > 0) hooks[kind] = found;
  }
  return hooks;
}
