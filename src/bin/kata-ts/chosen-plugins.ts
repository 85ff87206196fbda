import type { EffectiveConfig } from "../../core/config/effective.js";
import type { PluginId } from "../../core/plugin/kinds.js";

/** A plugin that configuration chooses by name, and the key that does. */
export interface ChosenPlugin {
  readonly id: PluginId;
  readonly key: string;
  /** When nothing needs it but this, it may be absent. */
  readonly neededFor?: string;
}

/** Kinds whose plugins are chosen by what they are offered, not by configuration. */
export const matchedKinds: ReadonlySet<string> = new Set(["endpoint", "rootfs", "volume", "cgroup"]);

/** The plugins that a configuration chooses by name. */
export function chosenPlugins(config: EffectiveConfig): ChosenPlugin[] {
  const { runtime, hypervisor } = config;
  const table = `hypervisor.${runtime.hypervisor_name}`;
  const chosen: ChosenPlugin[] = [
    { id: { kind: "handler", name: runtime.name }, key: "runtime.name" },
    { id: { kind: "hypervisor", name: runtime.hypervisor_name }, key: "runtime.hypervisor_name" },
    { id: { kind: "agent", name: runtime.agent_name }, key: "runtime.agent_name" },
    {
      id: { kind: "network-model", name: runtime.internetworking_model },
      key: "runtime.internetworking_model",
      neededFor: "pods that have a network",
    },
  ];
  if (hypervisor.shared_fs !== "none") {
    chosen.push({ id: { kind: "share-fs", name: hypervisor.shared_fs }, key: `${table}.shared_fs` });
  }
  return chosen;
}
