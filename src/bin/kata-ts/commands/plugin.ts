import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Command, commandErrors, orUsage } from "../command.js";
import { writeNewPlugin } from "../new-plugin.js";

const usage = "kata-ts plugin new KIND NAME [--directory DIRECTORY]";

/** Begins a plugin in a package of its own. */
export const pluginCommand: Command = {
  name: "plugin",
  usage,
  summary: "write a package for a plugin of yours, which compiles and keeps what its kind promises",
  async run(args) {
    const options = { directory: { type: "string" } } as const;
    const { positionals, values } = orUsage(usage, () =>
      parseArgs({ args: [...args], allowPositionals: true, options }),
    );
    const [action, kind, name, ...extra] = positionals;
    if (action !== "new" || kind === undefined || name === undefined || extra.length > 0) {
      throw commandErrors.KATA_USAGE({ problem: "a plugin has a kind and a name", usage });
    }
    const directory = values.directory ?? `kata-ts-${kind}-${name}`;
    for (const path of writeNewPlugin(kind, name, resolve(directory))) process.stdout.write(`wrote ${path}\n`);
    process.stdout.write(`next: cd ${directory}; npm install; npm test\n`);
    return 0;
  },
};
