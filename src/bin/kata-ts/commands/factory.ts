import { parseArgs } from "node:util";
import { createLogger } from "../../../core/log.js";
import { destroyTemplate, initTemplate, type TemplateStatus, templateStatus } from "../../../core/messages/factory.js";
import { Runtime } from "../../../core/runtime/runtime.js";
import { builtins } from "../../../plugins/builtins.js";
import { type Command, commandErrors, orUsage } from "../command.js";

const usage = "kata-ts factory init|status|destroy [--hypervisor NAME] [--config FILE] [--json] [--debug]";

const options = {
  hypervisor: { type: "string" },
  config: { type: "string" },
  json: { type: "boolean", default: false },
  debug: { type: "boolean", default: false },
} as const;

/** Makes, shows and removes the template that machines are started from. */
export const factoryCommand: Command = {
  name: "factory",
  usage,
  summary: "make, show or remove the template that machines are started from",
  async run(args) {
    const { values, positionals } = orUsage(usage, () =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    );
    const [action, ...extra] = positionals;
    if (extra.length > 0 || (action !== "init" && action !== "status" && action !== "destroy")) {
      throw commandErrors.KATA_USAGE({ problem: `"${positionals.join(" ")}" is not known`, usage });
    }
    await using runtime = new Runtime({
      plugins: builtins,
      namespace: "kata-ts",
      log: createLogger((line) => process.stderr.write(`${line}\n`), values.debug ? "debug" : "error"),
      ...(values.config && { configPath: values.config }),
      ...(values.hypervisor && {
        overrides: [{ key: "runtime.hypervisor_name", value: values.hypervisor, name: "--hypervisor" }],
      }),
    });
    if (action === "destroy") {
      const { removed, path } = await runtime.request(destroyTemplate({}));
      print(values.json, { removed, path }, removed ? `removed ${path}` : `there was no template at ${path}`);
      return 0;
    }
    const status = await runtime.request(action === "init" ? initTemplate({}) : templateStatus({}));
    print(values.json, status, describe(status));
    return status.state === "fits" ? 0 : 1;
  },
};

function describe({ path, state, reason }: TemplateStatus): string {
  if (state === "fits") return `machines start from the template at ${path}`;
  return `machines boot: ${state === "none" ? "there is no template" : `the template at ${path} does not fit`}: ${reason}`;
}

function print(json: boolean, value: object, line: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : line}\n`);
}
