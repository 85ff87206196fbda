import { parseArgs } from "node:util";
import { describeError } from "../../../core/errors/error.js";
import { formatPluginId } from "../../../core/plugin/kinds.js";
import { Runtime } from "../../../core/runtime/runtime.js";
import { builtins } from "../../../plugins/builtins.js";
import { chosenPlugins, matchedKinds } from "../chosen-plugins.js";
import { type Command, orUsage } from "../command.js";
import { printListing } from "../output.js";

const usage = "kata-ts plugins [--config FILE] [--json]";

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly origin: string;
  /** What selects it; empty when it is not in use. `by match` for kinds where the input decides. */
  readonly chosen: string;
  readonly error: string;
}

/** Lists every registered plugin: kind, name, where it came from, chosen or not, and why it failed. */
export const pluginsCommand: Command = {
  name: "plugins",
  usage,
  summary: "list every registered plugin, where it came from, and whether it is chosen",
  async run(args) {
    const { values } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: { config: { type: "string" }, json: { type: "boolean", default: false } },
      }),
    );
    await using runtime = new Runtime({ plugins: builtins, ...(values.config && { configPath: values.config }) });
    let failure: unknown;
    const selected = new Map<string, string>();
    try {
      for (const { id, key } of chosenPlugins(await runtime.config())) selected.set(formatPluginId(id), key);
    } catch (error) {
      failure = error;
    }
    const rows = runtime.plugins.statuses().map(({ registration, error }): Row => {
      const { kind, name } = registration.id;
      const chosen = selected.get(formatPluginId(registration.id)) ?? (matchedKinds.has(kind) ? "by match" : "");
      return {
        kind,
        name,
        origin: registration.origin,
        chosen,
        error: error === undefined ? "" : describeError(error),
      };
    });
    printListing(
      {
        rows,
        columns: [
          { title: "KIND", cell: (row) => row.kind },
          { title: "NAME", cell: (row) => row.name },
          { title: "ORIGIN", cell: (row) => row.origin },
          { title: "CHOSEN", cell: (row) => row.chosen },
          { title: "ERROR", cell: (row) => row.error },
        ],
      },
      values.json,
    );
    if (failure !== undefined) throw failure;
    return 0;
  },
};
