import { parseArgs } from "node:util";
import { describeError } from "../../../core/errors/error.js";
import { formatPluginId } from "../../../core/plugin/kinds.js";
import { chosenPlugins } from "../chosen-plugins.js";
import { type Command, orUsage } from "../command.js";
import { formatTree, plainTree } from "../format-tree.js";
import { printListing } from "../output.js";
import { triedPlugins, type TriedPlugins } from "../plugin-trial.js";

const usage = "kata-ts plugins [--config FILE] [--tree] [--json]";

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly origin: string;
  /** What selects it; empty when it is not in use. `by match` for kinds where the input decides. */
  readonly chosen: string;
  readonly error: string;
}

function rowsOf({ statuses, kinds, config, failures }: TriedPlugins): Row[] {
  const chosen = config === undefined ? [] : chosenPlugins(config, kinds);
  const keys = new Map(chosen.map(({ id, key }) => [formatPluginId(id), key]));
  const registered = new Set(statuses.map(({ registration: { id } }) => formatPluginId(id)));
  // One that is chosen and not there has a row as well, which says so.
  const absent = chosen.filter(({ id }) => !registered.has(formatPluginId(id)));
  const missing = absent.map(({ id, key }): Row => {
    const failure = failures.get(id.kind);
    return { ...id, origin: "", chosen: key, error: failure === undefined ? "" : describeError(failure) };
  });
  const there = statuses.map(({ registration: { id, origin }, error }): Row => {
    const matched = kinds.selection(id.kind).by === "match" ? "by match" : "";
    return {
      kind: id.kind,
      name: id.name,
      origin,
      chosen: keys.get(formatPluginId(id)) ?? matched,
      error: error === undefined ? "" : describeError(error),
    };
  });
  return [...missing, ...there];
}

/**
 * Lists every registered plugin: kind, name, where it came from, chosen or not, and why it fails. Those in use are made for
 * this, in a sandbox that is none. With `--tree`: who asked for whom meanwhile, and how long it took.
 */
export const pluginsCommand: Command = {
  name: "plugins",
  usage,
  summary: "list every registered plugin, where it came from, whether it is chosen, and why it fails",
  async run(args) {
    const { values } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: {
          config: { type: "string" },
          tree: { type: "boolean", default: false },
          json: { type: "boolean", default: false },
        },
      }),
    );
    const tried = await triedPlugins(values.config);
    if (!values.tree) printRows(rowsOf(tried), values.json);
    else if (values.json) process.stdout.write(`${JSON.stringify(plainTree(tried.tree), undefined, 2)}\n`);
    else for (const line of formatTree(tried.tree)) process.stdout.write(`${line}\n`);
    if (tried.failure !== undefined) throw tried.failure;
    return 0;
  },
};

function printRows(rows: readonly Row[], json: boolean): void {
  const columns = [
    { title: "KIND", cell: (row: Row) => row.kind },
    { title: "NAME", cell: (row: Row) => row.name },
    { title: "ORIGIN", cell: (row: Row) => row.origin },
    { title: "CHOSEN", cell: (row: Row) => row.chosen },
    { title: "ERROR", cell: (row: Row) => row.error.replaceAll(/\s*\n\s*/g, " ") },
  ];
  printListing({ rows, columns }, json);
}
