import { accessSync, constants, statSync } from "node:fs";
import { codeOf } from "../errors/error.js";

/** Where programs are looked for when the environment does not say; services often run with an empty PATH. */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const absent = new Set(["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"]);

/** Whether `path` is a file that this process may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (absent.has(codeOf(error) ?? "")) return false;
    throw error;
  }
}

/** The first executable `name` of the absolute directories in `searchPath`; undefined when there is none. */
export function findExecutable(
  name: string,
  searchPath: string = process.env["PATH"] ?? defaultPath,
): string | undefined {
  return searchPath
    .split(":")
    .filter((directory) => directory.startsWith("/"))
    .map((directory) => `${directory}/${name}`)
    .find(isExecutable);
}
