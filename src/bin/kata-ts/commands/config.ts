import { parseArgs } from "node:util";
import { formatOrigin } from "../../../core/config/source.js";
import { Runtime } from "../../../core/runtime/runtime.js";
import { builtins } from "../../../plugins/builtins.js";
import { type Command, orUsage } from "../command.js";
import { printListing } from "../output.js";

const usage = "kata-ts config [--config FILE] [--set-only] [--json]";

const plain = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);

/** Prints the effective configuration, each value with its origin, and why a key has no effect if it has none. */
export const configCommand: Command = {
  name: "config",
  usage,
  summary: "print the effective configuration with the origin of each value",
  async run(args) {
    const { values } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: {
          config: { type: "string" },
          "set-only": { type: "boolean", default: false },
          json: { type: "boolean", default: false },
        },
      }),
    );
    await using runtime = new Runtime({ plugins: builtins, ...(values.config && { configPath: values.config }) });
    const config = await runtime.config();
    const rows = config
      .listing()
      .map((entry) => ({
        key: entry.key,
        value: entry.value,
        origin: formatOrigin(entry.origin),
        unit: entry.unit,
        effect: entry.effect === "implemented" ? "" : `no effect: ${entry.effect.none}`,
        description: entry.description,
      }))
      .filter((row) => !values["set-only"] || row.origin !== "default");
    printListing(
      {
        rows,
        columns: [
          { title: "KEY", cell: (row) => row.key },
          { title: "VALUE", cell: (row) => `${JSON.stringify(row.value, plain)}${row.unit ? ` ${row.unit}` : ""}` },
          { title: "ORIGIN", cell: (row) => row.origin },
          { title: "EFFECT", cell: (row) => row.effect },
        ],
      },
      values.json,
    );
    return 0;
  },
};
