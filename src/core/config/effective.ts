import type { DeprecatedUse, Deprecation } from "../deprecation.js";
import type { AgentConfig } from "./keys/agent.js";
import type { HypervisorConfig } from "./keys/hypervisor.js";
import type { KeyEffect } from "./keys/key.js";
import type { RuntimeConfig } from "./keys/runtime.js";
import type { Origin, Source } from "./source.js";

/** Plugin packages that a configuration names, to be resolved from the place of `file`. */
export interface PluginPackageList {
  readonly names: readonly string[];
  /** The file that names them; empty when none does. */
  readonly file: string;
  readonly line: number;
}

/** One effective value, for listings. */
export interface ConfigEntry {
  /** Dotted path: `hypervisor.qemu.kernel`. */
  readonly key: string;
  /** A secret that is set is shown as `(set)`. */
  readonly value: unknown;
  readonly origin: Origin;
  readonly effect: KeyEffect;
  readonly unit?: string;
  readonly description: string;
  /** The key is to go. */
  readonly deprecated?: Deprecation;
}

/** What configuration amounts to: every value checked, each with its origin. Never changes. */
export interface EffectiveConfig {
  /** The configuration file, links resolved; undefined when there is none and all is built in. */
  readonly file: string | undefined;
  /** Files of `config.d` in the order they count, the last wins. */
  readonly dropIns: readonly string[];
  /** The texts of all these files. */
  readonly sources: readonly Source[];
  readonly plugins: PluginPackageList;
  /** Keys that are set and are to go. */
  readonly deprecated: readonly DeprecatedUse[];
  readonly runtime: RuntimeConfig;
  /** `[hypervisor.<runtime.hypervisor_name>]`. */
  readonly hypervisor: HypervisorConfig;
  /** `[agent.<runtime.agent_name>]`. */
  readonly agent: AgentConfig;
  /**
   * What configuration says for one plugin: a hypervisor's or an agent's table with every key of core and of its own,
   * `[runtime]` with `[handler.<name>]` over it for a runtime handler, for other kinds the table `[<kind>.<name>]`, empty when there is none.
   */
  pluginTable(kind: string, name: string): unknown;
  /** Where the value of a dotted key comes from: `origin("hypervisor.qemu.kernel")`. */
  origin(key: string): Origin;
  /** The origin of a key of the chosen hypervisor's table. */
  hypervisorOrigin(key: string): Origin;
  /** All values of `[runtime]`, of the chosen hypervisor and agent, and of other plugins' tables, in the order of the reference. */
  listing(): ConfigEntry[];
}
