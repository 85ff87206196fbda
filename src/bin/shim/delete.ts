import { realpathSync } from "node:fs";
import { join } from "node:path";
import { codeOf, describeError } from "../../core/errors/error.js";
import { killByIdentity } from "../../core/process/identity.js";
import { DeleteResponse } from "../../core/proto/gen/containerd/task.js";
import { containerIdentity } from "../../core/sandbox/identity.js";
import { SandboxRecord } from "../../core/sandbox/record.js";
import type { Sys } from "../../core/sys/sys.js";
import { readBundleConfig } from "../../plugins/services/task/bundle.js";
import { toTimestamp } from "../../plugins/services/task/conversions.js";
import { checkAnnotations } from "./annotations.js";
import { assertIdentifier } from "./arguments.js";
import { isClaimed, readClaim } from "./claim.js";
import { cleanUpSandbox } from "./cleanup.js";
import { readDeleted } from "./deleted.js";
import { runDirectory, type ShimName, type ShimRoots } from "./layout.js";
import { endContainer } from "./living-shim.js";

/** Exit status of what was killed. */
const killed = 128 + 9;

/** What containerd wants deleted. */
export interface DeleteContainerRequest {
  readonly sys: Sys;
  readonly roots: ShimRoots;
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
}

/** The encoded DeleteResponse, and what could not be undone. */
export interface DeletedContainer {
  readonly response: Uint8Array;
  readonly problems: readonly string[];
}

/**
 * Makes sure that nothing is left of a container; containerd calls it after every deletion, and when it has lost a shim.
 * A shim that lives is asked to end this container and keeps its others; one that is dead, or does not answer, has its
 * whole sandbox cleaned up. Harmless when repeated, or done twice at once.
 */
export async function deleteContainer(request: DeleteContainerRequest): Promise<DeletedContainer> {
  const { sys, roots, namespace, id, bundle } = request;
  const problems: string[] = [];
  const attempt = async (step: () => Promise<unknown>): Promise<void> => {
    await step().catch((error: unknown) => problems.push(describeError(error).replaceAll(/\s*\n\s*/g, " ")));
  };
  const name = { namespace, sandboxId: sandboxOf(id, bundle) };
  const pid = recordedPid(roots, name);
  const ended = readDeleted(bundle);
  const claim = readClaim(roots, name);
  const lives = claim !== undefined && isClaimed(roots, name);
  // One that lives after it deleted the container lives for others.
  const obeys = lives && (ended !== undefined || (await endContainer(claim.socket, id)));
  if (!obeys) {
    if (lives) await attempt(() => killByIdentity("shim", claim.process));
    await attempt(() => cleanUpSandbox({ sys, roots, name }));
  }
  await attempt(async () => sys.mounts.unmountTree(join(realBundle(bundle), "rootfs"), { detach: true }));
  const response =
    ended ?? DeleteResponse.encode({ pid, exitStatus: killed, exitedAt: toTimestamp(new Date()) }).finish();
  return { response, problems };
}

/** The sandbox of a container; without a config.json that says so, the container is its own. */
function sandboxOf(id: string, bundle: string): string {
  try {
    const annotations = checkAnnotations(bundle, readBundleConfig(bundle));
    const { sandboxId } = containerIdentity(id, { annotations });
    assertIdentifier("the sandbox id", sandboxId);
    return sandboxId;
  } catch {
    // Whatever is wrong with it: what can be undone is undone.
    return id;
  }
}

/** The pid containerd knew the container by: the machine's, or the shim's. */
function recordedPid(roots: ShimRoots, name: ShimName): number {
  try {
    const processes = SandboxRecord.load(runDirectory(roots, name))?.content.processes ?? [];
    const machine = processes.find((one) => one.identity !== undefined)?.identity?.pid;
    return machine ?? readClaim(roots, name)?.process.pid ?? 0;
  } catch {
    // The clean-up reports it; here it only costs a number.
    return 0;
  }
}

/** Where the bundle is for the kernel, which lists mounts by paths without links; the path itself when it is gone. */
function realBundle(bundle: string): string {
  try {
    return realpathSync(bundle);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return bundle;
    throw error;
  }
}
