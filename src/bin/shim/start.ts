import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { identityOf } from "../../core/process/identity.js";
import { containerIdentity } from "../../core/sandbox/identity.js";
import { readBundleConfig } from "../../plugins/services/task/bundle.js";
import type { Connections } from "../../plugins/services/task/config.js";
import { checkAnnotations } from "./annotations.js";
import { assertIdentifier } from "./arguments.js";
import { readAddress } from "./bundle-address.js";
import { dropClaim, isClaimed, readClaim, type ShimClaim, takeClaim } from "./claim.js";
import { shimErrors } from "./errors.js";
import { type ShimName, type ShimRoots, socketPath } from "./layout.js";
import { answers, listenPrivately, removeSocket } from "./socket.js";

/** What a shim is started for. */
export interface StartRequest {
  readonly roots: ShimRoots;
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  /** Undoes what a shim left that was killed. */
  readonly cleanUp: (name: ShimName) => Promise<void>;
  /** Goes on with what it left; undefined when that cannot be. */
  readonly takeOver: (name: ShimName, socket: string, process: ShimClaim["process"]) => Promise<ShimClaim | undefined>;
}

/** How it was started: this process serves a new sandbox, or another one serves the container's. */
export type Started =
  | {
      readonly socket: string;
      readonly name: ShimName;
      readonly connections: Connections;
      /** Another shim of the sandbox was killed, and this one is to go on with what it left. */
      readonly adopted: boolean;
    }
  | { readonly socket: string; readonly connections?: undefined };

/**
 * Begins to serve the sandbox of a container, or finds out who does. When it returns, somebody listens on the socket and
 * the bundle's `address` says so. When it throws, nothing is left.
 */
export async function start(request: StartRequest): Promise<Started> {
  const { roots, namespace, id, bundle } = request;
  const annotations = checkAnnotations(`${bundle}/config.json`, readBundleConfig(bundle));
  const { role, sandboxId } = containerIdentity(id, { annotations });
  assertIdentifier("the sandbox id among the annotations", sandboxId);
  const name = { namespace, sandboxId };
  if (role === "container") {
    const socket = await findShim(roots, name, id);
    writeAddress(bundle, socket);
    return { socket };
  }
  const own = identityOf(process.pid);
  if (own === undefined) throw shimErrors.KATA_SHIM_STATE({ path: "/proc/self/stat" });
  const adopted = await adopt(request, name, own);
  if (adopted !== undefined) {
    const connections = await listenPrivately(adopted.socket);
    return { socket: adopted.socket, name, connections, adopted: true };
  }
  const socket = socketPath(roots, own);
  await claim(request, name, { process: own, socket });
  let connections: Connections | undefined;
  try {
    connections = await listenPrivately(socket);
    writeAddress(bundle, socket);
    return { socket, name, connections, adopted: false };
  } catch (error) {
    connections?.close();
    if (connections !== undefined) removeSocket(socket);
    dropClaim(roots, name);
    throw error;
  }
}

async function findShim(roots: ShimRoots, name: ShimName, id: string): Promise<string> {
  const claim = readClaim(roots, name);
  if (claim !== undefined && isClaimed(roots, name) && (await answers(claim.socket))) return claim.socket;
  throw shimErrors.KATA_SHIM_GONE({ id, ...name });
}

/**
 * Takes over a sandbox whose shim is dead: one that is started in the very bundle where that has written its address. A
 * container that is created anew has a bundle without one, even where it has the same id.
 */
async function adopt(
  { roots, bundle, takeOver }: StartRequest,
  name: ShimName,
  own: ShimClaim["process"],
): Promise<ShimClaim | undefined> {
  const address = readAddress(bundle);
  const left = address === undefined ? undefined : readClaim(roots, name);
  if (left === undefined || address !== `unix://${left.socket}` || isClaimed(roots, name)) return undefined;
  return takeOver(name, left.socket, own);
}

/** Claims the sandbox, after undoing what a dead shim of it left. */
async function claim({ roots, cleanUp }: StartRequest, name: ShimName, wanted: ShimClaim): Promise<void> {
  if (takeClaim(roots, name, wanted)) return;
  if (!isClaimed(roots, name)) {
    await cleanUp(name);
    if (takeClaim(roots, name, wanted)) return;
  }
  const { namespace, sandboxId: id } = name;
  throw shimErrors.KATA_SHIM_RUNNING({ namespace, id, pid: readClaim(roots, name)?.process.pid ?? 0 });
}

/** Writes where the shim is, for containerd's next start: all of it or nothing. What is there already is replaced. */
function writeAddress(bundle: string, socket: string): void {
  const path = join(bundle, "address");
  const write = () => writeFileSync(path, `unix://${socket}`, { mode: 0o600, flag: "wx" });
  try {
    try {
      write();
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
      rmSync(path);
      write();
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw shimErrors.KATA_SHIM_STATE({ path }, { cause: error });
  }
}
