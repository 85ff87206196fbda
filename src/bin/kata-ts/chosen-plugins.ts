import type { EffectiveConfig } from "../../core/config/effective.js";
import { choiceOf, type PluginChoice } from "../../core/plugin/choice.js";
import type { KindSet } from "../../core/plugin/kind-set.js";
import { kindTable } from "../../core/plugin/kind-table.js";
import { kindName, type KindRef, type PluginId } from "../../core/plugin/kinds.js";

/** A plugin that configuration chooses by name. */
export interface ChosenPlugin extends PluginChoice {
  readonly id: PluginId;
}

/** The plugins that a configuration chooses by name, of the kinds of core and of those that plugins bring along. */
export function chosenPlugins(config: EffectiveConfig, kinds: KindSet): ChosenPlugin[] {
  const all: KindRef[] = [...Object.keys(kindTable), ...kinds.defined];
  return all.flatMap((kind) => {
    const choice = choiceOf(config, kinds.selection(kind));
    return choice === undefined ? [] : [{ ...choice, id: { kind: kindName(kind), name: choice.name } }];
  });
}
