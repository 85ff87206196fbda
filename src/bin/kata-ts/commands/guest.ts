import { parseArgs } from "node:util";
import { defaultRoots } from "../../../core/runtime/roots.js";
import { buildGuestImage } from "../../../../guest/image/index.js";
import { type Command, commandErrors, orUsage } from "../command.js";
import { packageFile } from "../package-home.js";

const usage = "kata-ts guest build [--cache DIRECTORY] [--json]";

/** The agent's bundle as the build puts it. */
const agentBundle = packageFile("dist/guest/agent.cjs");

/** Builds the guest's kernel, boot archive and image from the distribution's packages, once for the same inputs. */
export const guestCommand: Command = {
  name: "guest",
  usage,
  summary: "build the guest image from packages of the distribution, into a cache",
  async run(args) {
    const { values, positionals } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: { cache: { type: "string" }, json: { type: "boolean", default: false } },
        allowPositionals: true,
      }),
    );
    if (positionals[0] !== "build" || positionals.length > 1) {
      throw commandErrors.KATA_USAGE({ problem: `"${positionals.join(" ")}" is not known`, usage });
    }
    const image = await buildGuestImage({
      cacheRoot: values.cache ?? defaultRoots.guestCache,
      agentBundle,
      onProgress: (progress) => process.stderr.write(`${progress.message}\n`),
    });
    if (values.json) process.stdout.write(`${JSON.stringify(image, null, 2)}\n`);
    else process.stdout.write(`${image.reused ? "reused" : "built"} ${image.directory}\n`);
    return 0;
  },
};
