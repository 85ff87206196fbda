#!/usr/bin/env node
import { constants } from "node:os";
import { codeOf, codesOf, describeWithCodes } from "../../core/errors/error.js";
import type { Command } from "./command.js";
import { checkCommand } from "./commands/check.js";
import { configCommand } from "./commands/config.js";
import { directVolumeCommand } from "./commands/direct-volume.js";
import { explainCommand } from "./commands/explain.js";
import { factoryCommand } from "./commands/factory.js";
import { guestCommand } from "./commands/guest.js";
import { pluginCommand } from "./commands/plugin.js";
import { pluginsCommand } from "./commands/plugins.js";
import { recoverCommand } from "./commands/recover.js";
import { runCommand } from "./commands/run.js";

const commands: readonly Command[] = [
  runCommand,
  checkCommand,
  pluginsCommand,
  pluginCommand,
  configCommand,
  explainCommand,
  guestCommand,
  factoryCommand,
  recoverCommand,
  directVolumeCommand,
];

function help(): string {
  const lines = commands.map(
    (command) => `  ${command.name.padEnd(8)} ${command.summary}\n           ${command.usage}`,
  );
  return `kata-ts: containers in virtual machines of their own\n\n${lines.join("\n")}\n`;
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  const command = commands.find((one) => one.name === name);
  if (!command) {
    process.stderr.write(`kata-ts: no command "${name}"; there are: ${commands.map((one) => one.name).join(", ")}\n`);
    return 2;
  }
  return command.run(rest);
}

// Whoever reads the output has seen enough: `kata-ts config | head`.
process.stdout.on("error", (error) => {
  if (codeOf(error) !== "EPIPE") throw error;
  process.exit(128 + constants.signals.SIGPIPE);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const codes = codesOf(error);
  process.stderr.write(`kata-ts: ${describeWithCodes(error)}\n`);
  const [last] = codes.filter((code) => code.startsWith("KATA_") && code !== "KATA_USAGE").slice(-1);
  if (last !== undefined && process.stderr.isTTY) process.stderr.write(`"kata-ts explain ${last}" says more\n`);
  process.exitCode = codeOf(error) === "KATA_USAGE" ? 2 : 1;
}
