import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The nearest directory above a file that has a `package.json`. */
function homeOf(file: string): string {
  let directory = dirname(file);
  while (!existsSync(join(directory, "package.json"))) {
    const above = dirname(directory);
    if (above === directory) throw new Error(`no directory above ${file} has a package.json`);
    directory = above;
  }
  return directory;
}

const home = homeOf(fileURLToPath(import.meta.url));

/** A file of this package by its path in it: this program is a module of it, or a bundle somewhere else in it. */
export const packageFile = (path: string): string => join(home, path);
