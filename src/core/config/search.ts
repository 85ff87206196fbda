import { realpath } from "node:fs/promises";
import { codeOf, messageOf } from "../errors/error.js";
import { configErrors } from "./errors.js";
import { distrust } from "../trust.js";

/** Where the configuration file is looked for when nothing names one: the first that is there counts. */
export const defaultSearchPaths: readonly string[] = [
  "/etc/kata-containers/kata-ts/configuration.toml",
  "/etc/kata-containers/runtime-rs/configuration.toml",
  "/usr/share/defaults/kata-containers/kata-ts/configuration.toml",
  "/usr/share/defaults/kata-containers/runtime-rs/configuration.toml",
  "/opt/kata/share/defaults/kata-containers/runtime-rs/configuration.toml",
];

/** What may name the configuration file, strongest first. */
export interface SearchOptions {
  /** Asked for by the user of a program, or by an embedder. */
  readonly path?: string;
  /** The environment; only `KATA_CONF_FILE` is read. That of the process when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** containerd's option `ConfigPath`. */
  readonly configPath?: string;
  /** In place of `defaultSearchPaths`. */
  readonly searchPaths?: readonly string[];
  /** User besides root whose files `KATA_CONF_FILE` may name: the user of the process when absent. */
  readonly trustedOwner?: number;
}

/** A configuration file that was found: its path with links resolved, and why this one. */
export interface FoundConfig {
  readonly file: string;
  /** `KATA_CONF_FILE`, `asked for`, … for messages. */
  readonly asked: string;
}

async function named(path: string, asked: string): Promise<FoundConfig> {
  try {
    return { file: await realpath(path), asked };
  } catch (error) {
    const problem = codeOf(error) === "ENOENT" ? "it does not exist" : messageOf(error);
    throw configErrors.KATA_CONFIG_READ({ file: path, asked, problem }, { cause: error });
  }
}

/**
 * The configuration file to load: `path`, else `KATA_CONF_FILE`, else `configPath`, else the first of the search paths;
 * undefined when there is none. One that is named must be there. `KATA_CONF_FILE` may come from whoever starts the process:
 * the file and its directories must belong to root and be writable by nobody else, or it is `KATA_CONFIG_UNTRUSTED`.
 */
export async function findConfig(options: SearchOptions = {}): Promise<FoundConfig | undefined> {
  const { path, env = process.env, configPath, searchPaths = defaultSearchPaths } = options;
  if (path !== undefined && path !== "") return named(path, "asked for");
  const fromEnvironment = env["KATA_CONF_FILE"];
  if (fromEnvironment !== undefined && fromEnvironment !== "") {
    const found = await named(fromEnvironment, "KATA_CONF_FILE");
    const problem = distrust(found.file, options.trustedOwner);
    if (problem !== undefined) throw configErrors.KATA_CONFIG_UNTRUSTED({ ...found, problem });
    return found;
  }
  if (configPath !== undefined && configPath !== "") return named(configPath, "containerd's ConfigPath");
  for (const candidate of searchPaths) {
    try {
      return { file: await realpath(candidate), asked: "found there" };
    } catch (error) {
      const code = codeOf(error);
      if (code === "ENOENT" || code === "ENOTDIR") continue;
      throw configErrors.KATA_CONFIG_READ(
        { file: candidate, asked: "found there", problem: messageOf(error) },
        { cause: error },
      );
    }
  }
  return undefined;
}
