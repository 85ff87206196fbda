import { writeSync } from "node:fs";
import { describeWithCodes } from "../../core/errors/error.js";
import { parseArguments, type ShimArguments } from "./arguments.js";
import type { Loader } from "./bundle-loader.js";
import { dropClaim } from "./claim.js";
import type * as commands from "./commands.js";
import type * as daemon from "./daemon.js";
import type { Handover } from "./handover.js";
import type { ShimName, ShimRoots } from "./layout.js";
import { removeSocket } from "./socket.js";
import { type Started, type StartRequest, start } from "./start.js";
import { detachLog, detachOutput, detachStdio } from "./stdio.js";

const program = "containerd-shim-kata-ts-v2";

/**
 * The program behind the launcher, given `<run root> <socket root> <what containerd said>`. This file and what it imports
 * are all that stands between containerd and the address, so they are few; the rest is loaded when it is needed.
 */
export async function main(args: readonly string[], loader: Loader): Promise<void> {
  try {
    await obey(args, loader);
  } catch (error) {
    writeSync(2, `${program}: ${describeWithCodes(error).replaceAll(/\s*\n\s*/g, " ")}\n`);
    process.exit(1);
  }
}

async function obey([run = "", sockets = "", ...args]: readonly string[], loader: Loader): Promise<void> {
  const given = parseArguments(args);
  const roots = { run, sockets };
  if (given.action === "start") return startAndStay(roots, given, loader);
  const { runCommand } = loadCommands(loader);
  process.exitCode = await runCommand(roots, given);
}

const loadCommands = (loader: Loader) => loader.load("commands.cjs") as typeof commands;

async function startAndStay(roots: ShimRoots, given: ShimArguments, loader: Loader): Promise<void> {
  const bundle = process.cwd();
  const { parameters, eventsAddress } =
    given.id === ""
      ? loadCommands(loader).readBootstrap(0, given)
      : { parameters: given, eventsAddress: process.env["TTRPC_ADDRESS"] ?? "" };
  const { namespace, id, debug } = parameters;
  const cleanUp = (name: ShimName): Promise<void> => loadCommands(loader).cleanUp(roots, name);
  const takeOver: StartRequest["takeOver"] = (name, socket, own) =>
    loadCommands(loader).takeOverClaim(roots, name, socket, own);
  const started = await start({ roots, namespace, id, bundle, cleanUp, takeOver });
  const adopted = started.connections !== undefined && started.adopted;
  if (!adopted) announce(roots, started);
  if (started.connections === undefined) return;
  if (adopted) detachLog(bundle);
  else detachStdio(bundle);
  const { serve } = loader.load("daemon.cjs") as typeof daemon;
  const { connections, socket, name } = started;
  const own = { roots, name, connections, socket, bundle, address: parameters.address, debug, eventsAddress };
  await serve({ ...own, importer: loader.import, ...(adopted && { adopted: announceLater(socket) }) });
}

/** Prints the address of a sandbox that was taken over, once it was; or why it was not, where nothing else is read. */
function announceLater(socket: string): NonNullable<Handover["adopted"]> {
  const say = (text: string) => {
    writeSync(1, text);
    detachOutput();
  };
  return {
    announce: () => say(`unix://${socket}`),
    refuse: (error) => say(`${program}: ${describeWithCodes(error).replaceAll(/\s*\n\s*/g, " ")}\n`),
  };
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
