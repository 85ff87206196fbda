import { parseArgs } from "node:util";
import { didYouMean } from "../../../core/config/nearest.js";
import { type Command, commandErrors, orUsage } from "../command.js";

const usage = "kata-ts explain CODE… [--json]";

/** Says what brings an error about and what to do: of the codes that stand in brackets behind a message. */
export const explainCommand: Command = {
  name: "explain",
  usage,
  summary: "say what causes an error, by its code, and what to do about it",
  async run(args) {
    const { values, positionals } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: { json: { type: "boolean", default: false } },
        allowPositionals: true,
      }),
    );
    if (positionals.length === 0) throw commandErrors.KATA_USAGE({ problem: "a CODE is needed", usage });
    const { errorAreas } = await import("../explanations/index.js");
    const known = errorAreas.flatMap((area) => Object.keys(area.codes));
    const found = positionals.map((word) => {
      const code = word.replaceAll(/[^\w]/g, "").toUpperCase();
      const area = errorAreas.find(({ codes }) => Object.hasOwn(codes, code));
      const explanation = area?.codes[code];
      if (area && explanation) return { code, area: area.title, ...explanation };
      const problem = `there is no code ${JSON.stringify(word)} of ours${didYouMean(code, known)}; a plugin's package explains its own`;
      throw commandErrors.KATA_USAGE({ problem, usage });
    });
    if (values.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else {
      const texts = found.map(
        ({ code, area, cause, cure }) => `${code} (${area})\n  cause: ${cause}\n  cure:  ${cure}\n`,
      );
      process.stdout.write(texts.join("\n"));
    }
    return 0;
  },
};
