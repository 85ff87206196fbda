import { join } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { readRegularFile } from "../../core/regular-file.js";

/** Bytes of an address, at most. */
const mostBytes = 4096;

/** The address of a shim that a bundle has; undefined when it has none, or something that is no file. */
export function readAddress(bundle: string): string | undefined {
  try {
    return readRegularFile(join(bundle, "address"), { most: mostBytes, follow: false }).bytes.toString("utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "KATA_FILE_KIND"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
}
