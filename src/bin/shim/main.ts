import { writeSync } from "node:fs";
import { describeError } from "../../core/errors/error.js";
import { parseArguments, type ShimArguments } from "./arguments.js";
import { loadBundle } from "./bundle-loader.js";
import type * as commands from "./commands.js";
import { dropClaim } from "./claim.js";
import type * as daemon from "./daemon.js";
import type { ShimRoots } from "./layout.js";
import { removeSocket } from "./socket.js";
import { type Started, start } from "./start.js";
import { detachStdio } from "./stdio.js";

const program = "containerd-shim-kata-ts-v2";

/**
 * The program behind the launcher: `main.cjs <run root> <socket root> <what containerd said>`. This file and what it
 * imports are all that stands between containerd and the address, so they are few; the rest is loaded when it is needed.
 */
async function main([run = "", sockets = "", ...args]: readonly string[]): Promise<void> {
  const given = parseArguments(args);
  const roots = { run, sockets };
  if (given.action === "start") return startAndStay(roots, given);
  const { runCommand } = loadCommands();
  process.exitCode = await runCommand(roots, given);
}

const loadCommands = () => loadBundle(__dirname, "commands.cjs") as typeof commands;

async function startAndStay(roots: ShimRoots, given: ShimArguments): Promise<void> {
  const bundle = process.cwd();
  const { parameters, eventsAddress } =
    given.id === ""
      ? loadCommands().readBootstrap(0, given)
      : { parameters: given, eventsAddress: process.env["TTRPC_ADDRESS"] ?? "" };
  const { namespace, id, address, debug } = parameters;
  const cleanUp: typeof commands.cleanUp = (...request) => loadCommands().cleanUp(...request);
  const started = await start({ roots, namespace, id, address, bundle, cleanUp: (name) => cleanUp(roots, name) });
  announce(roots, started);
  if (started.connections === undefined) return;
  detachStdio(bundle);
  const { serve } = loadBundle(__dirname, "daemon.cjs") as typeof daemon;
  const { connections, socket, name } = started;
  const importer = (url: string): Promise<unknown> => import(url);
  await serve({ roots, name, connections, socket, bundle, debug, eventsAddress, importer });
}

/** Prints the address, with nothing after it; when nobody reads it there is no shim either. */
function announce(roots: ShimRoots, started: Started): void {
  try {
    writeSync(1, `unix://${started.socket}`);
  } catch (error) {
    if (started.connections !== undefined) {
      started.connections.close();
      removeSocket(started.socket);
      dropClaim(roots, started.name);
    }
    throw error;
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  writeSync(2, `${program}: ${describeError(error).replaceAll(/\s*\n\s*/g, " ")}\n`);
  process.exit(1);
});
