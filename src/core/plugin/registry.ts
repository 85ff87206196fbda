import type { DeprecatedUse } from "../deprecation.js";
import { type ApiVersions, apiVersions, checkApi, conform } from "./api-versions.js";
import { pluginErrors } from "./errors.js";
import { KindSet } from "./kind-set.js";
import { formatPluginId, kindName, type PluginId } from "./kinds.js";
import type { Plugin } from "./plugin.js";
import { shapeProblem } from "./shape.js";
import { unknownHint } from "./unknown-hint.js";

/** One registered plugin and where it came from (`built-in`, or `package @acme/foo (/path)`). */
export interface Registration {
  readonly id: PluginId;
  readonly origin: string;
  readonly plugin: Plugin;
  /** Set when it is written for a version of the contract that is to go. */
  readonly deprecated?: DeprecatedUse;
}

/**
 * The plugins there are. Registering only appends: no work, no I/O. What can be wrong with one is found here, naming the
 * plugin and its origin. Frozen at first use, so that what is chosen cannot change underneath.
 */
export class Registry {
  readonly kinds = new KindSet();
  readonly #plugins = new Map<string, Registration>();
  readonly #versions: ApiVersions;
  #frozen = false;

  /** `versions` of the contract are those of this runtime unless told. */
  constructor(versions: ApiVersions = apiVersions) {
    this.#versions = versions;
  }

  register(value: unknown, origin: string): Registration {
    const { value: conformed, deprecated } = conform(value, origin, this.#versions);
    const problem = shapeProblem(conformed);
    if (problem !== undefined) throw pluginErrors.KATA_PLUGIN_SHAPE({ origin, problem });
    const plugin = conformed as Plugin;
    const id: PluginId = { kind: kindName(plugin.kind), name: plugin.name };
    const name = formatPluginId(id);
    checkApi(name, origin, plugin.api, this.#versions);
    if (this.#frozen) throw pluginErrors.KATA_PLUGIN_FROZEN({ id: name, origin });
    const first = this.#plugins.get(name);
    if (first) throw pluginErrors.KATA_PLUGIN_DUPLICATE({ id: name, first: first.origin, second: origin });
    this.kinds.add(plugin.kind, `plugin ${name} from ${origin}`);
    const registration = { id, origin, plugin, ...(deprecated && { deprecated }) };
    this.#plugins.set(name, registration);
    return registration;
  }

  /** Registers the plugins of one package: all, or none when one of them cannot be. */
  registerAll(values: readonly { readonly value: unknown; readonly origin: string }[]): void {
    const added: Registration[] = [];
    try {
      for (const { value, origin } of values) added.push(this.register(value, origin));
    } catch (error) {
      for (const { id } of added) this.#plugins.delete(formatPluginId(id));
      throw error;
    }
  }

  /** Ends registration. What is wrong with the requirements of a plugin is an error of whoever asks for it. */
  freeze(): void {
    this.#frozen = true;
  }

  /** The plugin of a kind and name; `where` is what selected it, for the error. */
  find(kind: string, name: string, where: string): Registration {
    const found = this.#plugins.get(formatPluginId({ kind, name }));
    if (found) return found;
    const there = this.ofKind(kind).map((registration) => registration.id.name);
    const ids = this.list().map(({ id }) => id);
    const hint = unknownHint({ kind, name }, ids, this.kinds);
    throw pluginErrors.KATA_PLUGIN_UNKNOWN({ kind, name, there, where, hint });
  }

  ofKind(kind: string): Registration[] {
    return this.list().filter((registration) => registration.id.kind === kind);
  }

  /** All plugins in the order of registration. */
  list(): Registration[] {
    return [...this.#plugins.values()];
  }

  /** Throws when something that a plugin requires is missing, or when the requirements go in a circle. */
  checkRequirements({ id, origin, plugin }: Registration, path: readonly string[] = []): void {
    const name = formatPluginId(id);
    if (path.includes(name)) throw pluginErrors.KATA_PLUGIN_CYCLE({ path: [...path.slice(path.indexOf(name)), name] });
    for (const wanted of plugin.requires ?? []) {
      const where = `required by ${name} from ${origin}`;
      this.checkRequirements(this.find(wanted.kind, wanted.name, where), [...path, name]);
    }
  }
}
