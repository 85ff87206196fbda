import { parseArgs } from "node:util";
import { formatOrigin } from "../../../core/config/source.js";
import { Runtime } from "../../../core/runtime/runtime.js";
import { builtins } from "../../../plugins/builtins.js";
import { type Command, orUsage } from "../command.js";
import { printListing } from "../output.js";

const usage = "kata-ts config [--config FILE] [--set-only] [--json] | --template [--hypervisor NAME] | --json-schema";

const plain = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);

/**
 * Prints the effective configuration, each value with its origin, and why a key has no effect if it has none. `--template`
 * prints a commented one to begin with, `--json-schema` what editors complete and check it by.
 */
export const configCommand: Command = {
  name: "config",
  usage,
  summary: "print the effective configuration with the origin of each value, a template of one, or its JSON Schema",
  async run(args) {
    const { values } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: {
          config: { type: "string" },
          "set-only": { type: "boolean", default: false },
          json: { type: "boolean", default: false },
          template: { type: "boolean", default: false },
          hypervisor: { type: "string", default: "qemu" },
          "json-schema": { type: "boolean", default: false },
        },
      }),
    );
    await using runtime = new Runtime({ plugins: builtins, ...(values.config && { configPath: values.config }) });
    if (values.template || values["json-schema"]) {
      const { schemaText, templateText } = await import("../config-texts.js");
      const text = values.template ? await templateText(runtime, values.hypervisor) : await schemaText(runtime);
      process.stdout.write(text);
      return 0;
    }
    const config = await runtime.config();
    const rows = config
      .listing()
      .map((entry) => ({
        key: entry.key,
        value: entry.value,
        origin: formatOrigin(entry.origin),
        unit: entry.unit,
        effect: entry.effect === "implemented" ? "" : `no effect: ${entry.effect.none}`,
        ...(entry.deprecated && { deprecated: entry.deprecated }),
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
          { title: "EFFECT", cell: (row) => row.effect + (row.deprecated ? `deprecated: ${row.deprecated.hint}` : "") },
        ],
      },
      values.json,
    );
    return 0;
  },
};
