import type { EffectiveConfig } from "./effective.js";
import type { agentKeys } from "./keys/agent.js";
import type { hypervisorKeys } from "./keys/hypervisor.js";
import type { KeyTable } from "./keys/key.js";
import type { runtimeKeys } from "./keys/runtime.js";

/** A key of core's, as `ConfigExtension.uses` names it; `hypervisor.` and `agent.` stand for the chosen one's table. */
export type UsedKey =
  | `runtime.${keyof typeof runtimeKeys}`
  | `hypervisor.${keyof typeof hypervisorKeys}`
  | `agent.${keyof typeof agentKeys}`;

/** Something a plugin finds wrong with the configuration. */
export interface KeyComplaint {
  /** The table of the key: the chosen hypervisor's, the chosen agent's, or `[runtime]`. */
  readonly table: "hypervisor" | "agent" | "runtime";
  /** The key within that table. */
  readonly key: string;
  /** What is wrong and what is expected, in words that follow the key's name: `is "/x"; it takes no path`. */
  readonly problem: string;
}

/**
 * What a plugin says about configuration, as plain data. It counts while the plugin is in use: a hypervisor or an agent
 * when it is the chosen one, a share-fs, network model, block driver or runtime handler when its key names it, the others
 * always.
 */
export interface ConfigExtension {
  /** Keys of the plugin's own table beside those of core. */
  readonly keys?: KeyTable;
  /** Values of keys of its own table when nothing sets them, in place of core's defaults. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Keys of core that this plugin acts on; of a table inside a table, all of its keys. */
  readonly uses?: readonly UsedKey[];
  /** Finds what no single key's range can say. Each value has its type and range by then. */
  readonly check?: (config: EffectiveConfig) => readonly KeyComplaint[];
  /** The plugin's table may have keys that neither core nor `keys` names; the plugin's own schema judges them. */
  readonly open?: boolean;
}

/** An extension and the plugin it is of. */
export interface NamedExtension extends ConfigExtension {
  readonly kind: string;
  readonly name: string;
}
