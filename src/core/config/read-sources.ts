import { open, readdir } from "node:fs/promises";
import { constants } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, messageOf } from "../errors/error.js";
import { configErrors } from "./errors.js";
import type { FoundConfig } from "./search.js";
import type { Source } from "./source.js";

/** Largest configuration file that is read, in bytes; Kata's own have less than 40 KB. */
const largest = 1 << 20;

/** Most files of `config.d`. */
const mostDropIns = 1000;

/** Reads a regular file of UTF-8 that is not too large. Never follows a link and never waits on a fifo. */
async function readText(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error("it is not a regular file");
    if (stat.size > largest) throw new Error(`it has ${stat.size} bytes, more than ${largest}`);
    const bytes = await handle.readFile();
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } finally {
    await handle.close();
  }
}

function problemOf(error: unknown): string {
  if (codeOf(error) === "ELOOP") return "it is a symbolic link";
  if (codeOf(error) === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8";
  return messageOf(error);
}

/** The configuration file itself. */
export async function readConfigFile({ file, asked }: FoundConfig): Promise<Source> {
  try {
    return { kind: "file", name: file, text: await readText(file) };
  } catch (error) {
    throw configErrors.KATA_CONFIG_READ({ file, asked, problem: problemOf(error) }, { cause: error });
  }
}

/**
 * The files of `config.d` in the directory of the configuration file, sorted by name, whatever their names end with, as Kata
 * reads them. Directories are passed over; a symbolic link is an error, as in Kata: what is merged must lie where it is seen.
 */
export async function readDropIns(configFile: string): Promise<Source[]> {
  const directory = join(dirname(configFile), "config.d");
  const sources: Source[] = [];
  let current = directory;
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    if (entries.length > mostDropIns) throw new Error(`it has ${entries.length} files, more than ${mostDropIns}`);
    for (const entry of entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
      if (entry.isDirectory()) continue;
      current = join(directory, entry.name);
      sources.push({ kind: "drop-in", name: current, text: await readText(current) });
    }
  } catch (error) {
    if (current === directory && ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
    throw configErrors.KATA_CONFIG_DROP_IN({ file: current, problem: problemOf(error) }, { cause: error });
  }
  return sources;
}
