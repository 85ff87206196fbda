import type { PluginContext } from "./context.js";
import type { CheckContext, HostFinding } from "./host-check.js";
import type { Kind, KindRef, PluginId, PluginInstance, PluginKind } from "./kinds.js";
import type { SchemaOutput, StandardSchema } from "./standard-schema.js";

/**
 * A plugin is plain data. It imports only types from this package, so one in a package of its own works with any copy of
 * the library; everything it needs comes through `ctx`.
 */
export interface Plugin<K extends KindRef = KindRef, S extends StandardSchema = StandardSchema> {
  /** Version of this contract. */
  readonly api: 1;
  /** The name of one of core's kinds, or a `Kind`. */
  readonly kind: K;
  /** As configuration selects it: lower case letters, digits, `-` and `_`. */
  readonly name: string;
  /** Checks what configuration says for this plugin, and gives `create` its typed form. */
  readonly config: S;
  /** Plugins that must be registered for this one to work. */
  readonly requires?: readonly PluginId[];
  /**
   * Makes an instance. No work that can wait until it is used; what it opens is given to `ctx.scope.defer`. It is cut off
   * by a deadline that names the plugin; the time it waits for other plugins is theirs. An error that comes later, from its
   * timers or promises, ends the sandbox that the instance belongs to.
   */
  create(ctx: PluginContext, config: SchemaOutput<S>): PluginInstance<K> | Promise<PluginInstance<K>>;
  /** What this host offers of what the plugin needs, for `kata-ts check`. Changes nothing; asked of chosen plugins. */
  check?(ctx: CheckContext): Promise<readonly HostFinding[]>;
}

/** Gives a plugin its types: the identity, at run time. */
export function definePlugin<const K extends PluginKind | Kind, S extends StandardSchema>(
  plugin: Plugin<K, S>,
): Plugin<K, S> {
  return plugin;
}
