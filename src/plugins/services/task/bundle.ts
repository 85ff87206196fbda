import { join } from "node:path";
import { codeOf } from "../../../core/errors/error.js";
import { type FileStart, readRegularFile } from "../../../core/regular-file.js";
import { taskErrors } from "./errors.js";
import { parseJson } from "./json-text.js";

/** Bytes a config.json may have; containerd's own limit for a message is 4 MiB, and a container's spec comes in one. */
const sizeLimit = 8 * 1024 * 1024;

/**
 * The parsed `config.json` of a bundle, not yet checked. `KATA_BUNDLE_CONFIG_*` when it is missing, unreadable or larger
 * than 8 MiB, `KATA_JSON_SYNTAX` with line and column when it is no JSON.
 */
export function readBundleConfig(bundle: string): unknown {
  const file = join(bundle, "config.json");
  return parseJson(file, readLimited(file));
}

function readLimited(file: string): string {
  let start: FileStart;
  try {
    start = readRegularFile(file, { most: sizeLimit, follow: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw taskErrors.KATA_BUNDLE_CONFIG_MISSING({ file }, { cause: error });
    throw taskErrors.KATA_BUNDLE_CONFIG_UNREADABLE({ file }, { cause: error });
  }
  const { bytes, whole, stats } = start;
  if (!whole) throw taskErrors.KATA_BUNDLE_CONFIG_TOO_LARGE({ file, bytes: stats.size, limit: sizeLimit });
  return bytes.toString("utf8");
}
