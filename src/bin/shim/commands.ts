import { writeSync } from "node:fs";
import { createLinuxSys } from "../../core/sys/linux/index.js";
import type { ShimArguments } from "./arguments.js";
import type { ShimClaim } from "./claim.js";
import { cleanUpSandbox } from "./cleanup.js";
import { deleteContainer } from "./delete.js";
import { runtimeInfo } from "./info.js";
import type { ShimName, ShimRoots } from "./layout.js";
import { takeOver } from "./take-over.js";
import { versionLine } from "./version.js";

export { readBootstrap } from "./bootstrap.js";

const help = `usage: containerd-shim-kata-ts-v2 [flags] start|delete

Run by containerd, which says all this itself:
  -namespace NAME  containerd's namespace
  -id ID           container
  -address PATH    containerd's socket
  -bundle PATH     bundle, for delete
  -debug           log more
  -publish-binary PATH  taken and not needed: events go to $TTRPC_ADDRESS

  -info            print what the runtime is (a RuntimeInfo message)
  -v, -version     print the version
  -h, -help        print this
`;

/** Does anything but `start`, and gives the exit code. */
export async function runCommand(roots: ShimRoots, given: ShimArguments): Promise<number> {
  switch (given.action) {
    case "help":
      writeSync(1, help);
      return 0;
    case "version":
      writeSync(1, `${versionLine()}\n`);
      return 0;
    case "info":
      writeSync(1, runtimeInfo());
      return 0;
    default: {
      const { namespace, id, bundle = process.cwd() } = given;
      const { response, problems } = await deleteContainer({ sys: createLinuxSys(), roots, namespace, id, bundle });
      writeSync(1, response);
      for (const problem of problems) writeSync(2, `containerd-shim-kata-ts-v2: ${problem}\n`);
      return problems.length === 0 ? 0 : 1;
    }
  }
}

/** Goes on with what a dead shim left; undefined when that cannot be. */
export function takeOverClaim(
  roots: ShimRoots,
  name: ShimName,
  socket: string,
  process: ShimClaim["process"],
): Promise<ShimClaim | undefined> {
  return takeOver({ sys: createLinuxSys(), roots, name, socket, process });
}

/** Undoes what a dead shim left; throws when something stays. */
export function cleanUp(roots: ShimRoots, name: ShimName): Promise<void> {
  return cleanUpSandbox({ sys: createLinuxSys(), roots, name });
}
