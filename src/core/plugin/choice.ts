import type { EffectiveConfig } from "../config/effective.js";
import { formatKey } from "../config/node.js";
import { formatChoice } from "../config/source.js";
import { chosenName, selectingPath } from "./chosen-name.js";
import type { Selection } from "./kinds.js";

/** A plugin that the configuration chooses by name, and what does. */
export interface PluginChoice {
  readonly name: string;
  /** The key, dotted: `hypervisor.qemu.shared_fs`. */
  readonly key: string;
  /** The key and where its value comes from: `runtime.agent_name, /etc/…:12`. */
  readonly where: string;
  /** See `Selection`. */
  readonly neededFor?: string;
}

/** What a configuration chooses for a kind; undefined when it chooses none, or nothing chooses the kind by a key. */
export function choiceOf(config: EffectiveConfig, selection: Selection): PluginChoice | undefined {
  const name = chosenName(config, selection);
  if (name === undefined || selection.by !== "key") return undefined;
  const key = formatKey(selectingPath(config, selection.key));
  const { neededFor } = selection;
  return { name, key, where: formatChoice(config, key), ...(neededFor !== undefined && { neededFor }) };
}
