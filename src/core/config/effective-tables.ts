import type { DeprecatedUse } from "../deprecation.js";
import type { CheckedTables, Values } from "./checked-tables.js";
import type { ConfigEntry, EffectiveConfig, PluginPackageList } from "./effective.js";
import type { NamedExtension } from "./extension.js";
import { agentKeys, type AgentConfig } from "./keys/agent.js";
import { hypervisorKeys, type HypervisorConfig } from "./keys/hypervisor.js";
import { implemented, type KeyEffect, type KeyRow, type KeyTable } from "./keys/key.js";
import { runtimeKeys, type RuntimeConfig } from "./keys/runtime.js";
import { formatKey } from "./node.js";
import { type Origin, originOf, type Source } from "./source.js";

/** What an effective configuration is made of. */
export interface EffectiveParts {
  readonly file: string | undefined;
  readonly dropIns: readonly string[];
  readonly sources: readonly Source[];
  readonly plugins: PluginPackageList;
  readonly checked: CheckedTables;
  /** The chosen hypervisor's table, fitted to the host. */
  readonly hypervisor: HypervisorConfig;
  readonly extensions: readonly NamedExtension[];
}

const noRow: KeyRow = {
  type: "string",
  default: undefined,
  description: "A key of the plugin's own.",
  effect: implemented.effect,
};

/** The configuration that `effectiveConfig` gives: checked tables, and what plugins say about their keys. */
export class EffectiveTables implements EffectiveConfig {
  readonly file: string | undefined;
  readonly dropIns: readonly string[];
  readonly sources: readonly Source[];
  readonly plugins: PluginPackageList;
  readonly deprecated: readonly DeprecatedUse[];
  readonly runtime: RuntimeConfig;
  readonly hypervisor: HypervisorConfig;
  readonly agent: AgentConfig;
  readonly #checked: CheckedTables;
  readonly #extensions: readonly NamedExtension[];

  constructor(parts: EffectiveParts) {
    this.file = parts.file;
    this.dropIns = parts.dropIns;
    this.sources = parts.sources;
    this.plugins = parts.plugins;
    this.deprecated = parts.checked.deprecated;
    this.#checked = parts.checked;
    this.#extensions = parts.extensions;
    // The key tables are what these types are inferred from, and every value has passed its row.
    this.runtime = parts.checked.runtime as RuntimeConfig;
    this.hypervisor = parts.hypervisor;
    this.agent = parts.checked.tables.get(`agent.${this.runtime.agent_name}`) as AgentConfig;
  }

  pluginTable(kind: string, name: string): unknown {
    if (kind === "handler") {
      const own = this.#checked.tables.get(`handler.${name}`);
      return own === undefined ? this.runtime : { ...this.runtime, ...own };
    }
    if (kind === "hypervisor" && name === this.runtime.hypervisor_name) return this.hypervisor;
    return this.#checked.tables.get(`${kind}.${name}`) ?? {};
  }

  origin(key: string): Origin {
    const place = this.#checked.places.get(key);
    return place ? originOf(place) : { kind: "default" };
  }

  hypervisorOrigin(key: string): Origin {
    return this.origin(formatKey(["hypervisor", this.runtime.hypervisor_name, key]));
  }

  listing(): ConfigEntry[] {
    const { hypervisor_name, agent_name } = this.runtime;
    const entries: ConfigEntry[] = [];
    const names = this.plugins.names;
    const plugins = { ...noRow, description: "Packages of plugins to load." };
    this.#list(entries, [], { plugins: names }, { plugins }, () => plugins.effect);
    this.#list(entries, ["runtime"], this.runtime, runtimeKeys, this.#effects("runtime"));
    this.#listPlugin(entries, "hypervisor", hypervisor_name, this.hypervisor, hypervisorKeys);
    this.#listPlugin(entries, "agent", agent_name, this.agent, agentKeys);
    for (const [key, values] of this.#checked.tables) {
      const [kind = "", ...name] = key.split(".");
      if (kind !== "hypervisor" && kind !== "agent") this.#listPlugin(entries, kind, name.join("."), values, {});
    }
    return entries;
  }

  #listPlugin(entries: ConfigEntry[], kind: string, name: string, values: Values, core: KeyTable): void {
    const own = this.#extensions.find((one) => one.kind === kind && one.name === name)?.keys ?? {};
    const isCore = (key: string) => Object.hasOwn(core, key);
    const ofCore = this.#effects(kind);
    const effect = (key: string, row: KeyRow) => (isCore(key) ? ofCore(key, row) : row.effect);
    this.#list(entries, [kind, name], values, { ...core, ...own }, effect);
  }

  /** Effects of core's keys: what a plugin in use says it acts on is implemented, whatever the row says. */
  #effects(table: string): (key: string, row: KeyRow) => KeyEffect {
    const used = new Set<string>(this.#extensions.flatMap((one) => one.uses ?? []));
    return (key, row) => (used.has(`${table}.${key}`) ? "implemented" : row.effect);
  }

  #list(
    entries: ConfigEntry[],
    path: readonly string[],
    values: Values,
    rows: KeyTable,
    effectOf: (key: string, row: KeyRow) => KeyEffect,
  ): void {
    for (const [name, value] of Object.entries(values)) {
      const row = rows[name] ?? noRow;
      const effect = effectOf(name, row);
      if (row.type === "table" && row.keys !== undefined) {
        const inner = effect === "implemented" ? () => effect : (_key: string, of: KeyRow) => of.effect;
        this.#list(entries, [...path, name], value as Values, row.keys, inner);
        continue;
      }
      const key = formatKey([...path, name]);
      entries.push({
        key,
        value: row.secret && value !== "" ? "(set)" : value,
        origin: this.origin(key),
        effect,
        ...(row.unit !== undefined && { unit: row.unit }),
        description: row.description,
        ...(row.deprecated !== undefined && { deprecated: row.deprecated }),
      });
    }
  }
}
