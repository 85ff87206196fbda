import { KataError, messageOf } from "../errors/error.js";
import type { Registration } from "../plugin/registry.js";
import type { StandardSchema } from "../plugin/standard-schema.js";
import { checkTable } from "./check-table.js";
import type { ConfigExtension, NamedExtension } from "./extension.js";
import { type AgentConfig, agentKeys } from "./keys/agent.js";
import { type HypervisorConfig, hypervisorKeys } from "./keys/hypervisor.js";
import type { KeyTable, KeyValues } from "./keys/key.js";
import { nodeOf, placeOf } from "./plain-node.js";
import { Report } from "./report.js";

/** A schema that carries what its plugin says about configuration. Plain data: a plugin may write it by hand. */
export interface ConfiguredSchema<Output> extends StandardSchema<Output> {
  readonly kataConfig: ConfigExtension;
}

type OwnValues<X extends ConfigExtension> = X extends { readonly keys: infer K extends KeyTable }
  ? KeyValues<K>
  : unknown;

function schema<Output>(core: KeyTable, extension: ConfigExtension): ConfiguredSchema<Output> {
  const rules = { keys: { ...core, ...extension.keys }, defaults: extension.defaults, open: extension.open ?? false };
  return {
    kataConfig: extension,
    "~standard": {
      version: 1,
      vendor: "kata-ts",
      validate(value) {
        const node = nodeOf(value ?? {}, placeOf({ kind: "override", name: "the program", text: "" }));
        if (node.kind !== "table") return { issues: [{ message: "it is not a table" }] };
        const report = new Report();
        try {
          const values = checkTable([], rules, node, { report, places: new Map(), deprecated: [] });
          report.throwIfAny();
          return { value: values as Output };
        } catch (error) {
          if (!(error instanceof KataError)) throw error;
          return { issues: [{ message: messageOf(error) }] };
        }
      },
    },
  };
}

/** The `config` of a hypervisor plugin: core's keys of `[hypervisor.<name>]` and its own. */
export const hypervisorConfig = <const X extends ConfigExtension>(extension: X) =>
  schema<HypervisorConfig & OwnValues<X>>(hypervisorKeys, extension);

/** The `config` of an agent plugin: core's keys of `[agent.<name>]` and its own. */
export const agentConfig = <const X extends ConfigExtension>(extension: X) =>
  schema<AgentConfig & OwnValues<X>>(agentKeys, extension);

/** The `config` of a plugin of another kind: its own keys of `[<kind>.<name>]`, if it has any. */
export const pluginConfig = <const X extends ConfigExtension>(extension: X) => schema<OwnValues<X>>({}, extension);

/**
 * What the registered plugins say about configuration, for `loadConfig`. One whose schema is not made here says nothing:
 * the keys of its own table are then for its schema to judge, and core cannot tell a slip of the pen in them.
 */
export function extensionsOf(registrations: readonly Registration[]): NamedExtension[] {
  return registrations.map(({ id, plugin }) => {
    const carried: unknown = "kataConfig" in plugin.config ? plugin.config.kataConfig : undefined;
    const isCarried = typeof carried === "object" && carried !== null;
    const extension: ConfigExtension = isCarried ? carried : { open: true };
    return { ...extension, kind: id.kind, name: id.name };
  });
}
