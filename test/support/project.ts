import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's directory: the nearest one above with a package.json. */
export function projectDirectory(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json"))) {
    if (at === dirname(at)) throw new Error("no package.json above this test");
    at = dirname(at);
  }
  return at;
}
