import type { DeprecatedUse } from "../deprecation.js";
import { type ApiVersions, apiVersions, checkApi, conform } from "./api-versions.js";
import { pluginErrors } from "./errors.js";
import { formatPluginId, type PluginId } from "./kinds.js";
import type { Plugin } from "./plugin.js";

/** One registered plugin and where it came from (`built-in`, or `package @acme/foo (/path)`). */
export interface Registration {
  readonly id: PluginId;
  readonly origin: string;
  readonly plugin: Plugin;
  /** Set when it is written for a version of the contract that is to go. */
  readonly deprecated?: DeprecatedUse;
}

const namePattern = /^[a-z0-9][a-z0-9_-]*$/;

/** Says what keeps a value from being a plugin; undefined when it is one. */
function shapeProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return `it is ${value === null ? "null" : `a ${typeof value}`}`;
  const { kind, name, config, create } = value as Record<string, unknown>;
  if (typeof kind !== "string" || !namePattern.test(kind)) return `"kind" is ${JSON.stringify(kind)}`;
  if (typeof name !== "string" || !namePattern.test(name)) return `"name" is ${JSON.stringify(name)}`;
  if (typeof create !== "function") return `"create" of ${kind}/${name} is not a function`;
  const isSchema = (typeof config === "object" || typeof config === "function") && config !== null;
  if (!isSchema || !("~standard" in config)) return `"config" of ${kind}/${name} is not a Standard Schema`;
  return undefined;
}

/**
 * The plugins there are. Registering only appends: no work, no I/O. What can be wrong is found here, naming the plugin and
 * its origin. Frozen at first use, so that what is chosen cannot change underneath.
 */
export class Registry {
  readonly #plugins = new Map<string, Registration>();
  readonly #versions: ApiVersions;
  #frozen = false;

  /** `versions` of the contract are those of this runtime unless told. */
  constructor(versions: ApiVersions = apiVersions) {
    this.#versions = versions;
  }

  register(value: unknown, origin: string): void {
    const conformed = conform(value, origin, this.#versions);
    const problem = shapeProblem(conformed.value);
    if (problem !== undefined) throw pluginErrors.KATA_PLUGIN_SHAPE({ origin, problem });
    const plugin = conformed.value as Plugin;
    const id = formatPluginId(plugin);
    checkApi(id, origin, plugin.api, this.#versions);
    if (this.#frozen) throw pluginErrors.KATA_PLUGIN_FROZEN({ id });
    const first = this.#plugins.get(id);
    if (first) throw pluginErrors.KATA_PLUGIN_DUPLICATE({ id, first: first.origin, second: origin });
    const { deprecated } = conformed;
    const own = { kind: plugin.kind, name: plugin.name };
    this.#plugins.set(id, { id: own, origin, plugin, ...(deprecated && { deprecated }) });
  }

  /** Ends registration, and finds requirements that are missing or circular. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = true;
    for (const { plugin } of this.#plugins.values()) this.#checkRequirements(plugin, []);
  }

  /** The plugin of a kind and name; `where` is what selected it, for the error. */
  find(kind: string, name: string, where: string): Registration {
    const found = this.#plugins.get(formatPluginId({ kind, name }));
    if (found) return found;
    const there = this.ofKind(kind).map((registration) => registration.id.name);
    throw pluginErrors.KATA_PLUGIN_UNKNOWN({ kind, name, there, where });
  }

  ofKind(kind: string): Registration[] {
    return this.list().filter((registration) => registration.id.kind === kind);
  }

  /** All plugins in the order of registration. */
  list(): Registration[] {
    return [...this.#plugins.values()];
  }

  #checkRequirements(plugin: Plugin, path: readonly string[]): void {
    const id = formatPluginId(plugin);
    if (path.includes(id)) throw pluginErrors.KATA_PLUGIN_CYCLE({ path: [...path, id] });
    for (const wanted of plugin.requires ?? []) {
      const registration = this.find(wanted.kind, wanted.name, `required by ${id}`);
      this.#checkRequirements(registration.plugin, [...path, id]);
    }
  }
}
