import type { AgentConfig } from "../config/keys/agent.js";
import type { HypervisorConfig } from "../config/keys/hypervisor.js";
import type { RuntimeConfig } from "../config/keys/runtime.js";
import type { Selection } from "./kinds.js";

/** The tables that keys which select plugins stand in. */
export interface SelectingTables {
  readonly runtime: RuntimeConfig;
  readonly hypervisor: HypervisorConfig;
  readonly agent: AgentConfig;
}

/** The plugin that tables name for a kind; undefined when they choose none, or nothing chooses the kind by a key. */
export function chosenName(tables: SelectingTables, selection: Selection): string | undefined {
  if (selection.by !== "key") return undefined;
  const [table, key] = splitKey(selection.key);
  const values: Readonly<Record<string, unknown>> = tables[table as keyof SelectingTables];
  const name = values[key] ?? selection.default;
  return typeof name !== "string" || name === "" || name === selection.none ? undefined : name;
}

/** The path of the key that selects: `["hypervisor", "qemu", "shared_fs"]`. */
export function selectingPath({ runtime }: Pick<SelectingTables, "runtime">, key: string): readonly string[] {
  const [table, last] = splitKey(key);
  const names: Readonly<Record<string, string>> = { hypervisor: runtime.hypervisor_name, agent: runtime.agent_name };
  const name = names[table];
  return [table, ...(name === undefined ? [] : [name]), last];
}

/** Its table and its last part. */
function splitKey(key: string): readonly [table: string, last: string] {
  const parts = key.split(".");
  return [parts[0] ?? "", parts.at(-1) ?? ""];
}
