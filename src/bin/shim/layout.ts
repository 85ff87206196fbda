import { join } from "node:path";
import type { ProcessIdentity } from "../../core/process/identity.js";

/** Directories a shim works in; the launcher passes them, so that tests have their own. */
export interface ShimRoots {
  /** `/run/kata-ts`. */
  readonly run: string;
  /** Of sockets, as containerd's own shims have them: `/run/containerd/s`. */
  readonly sockets: string;
}

/** The ids of one shim. */
export interface ShimName {
  readonly namespace: string;
  readonly sandboxId: string;
}

/** Where all shims keep what they are: no namespace can have this name. */
export const shimsDirectory = (roots: ShimRoots): string => join(roots.run, ".shim");

/** What one shim is kept in while it lives; its `daemon` says who it is. */
export function shimDirectory(roots: ShimRoots, { namespace, sandboxId }: ShimName): string {
  return join(shimsDirectory(roots), namespace, sandboxId);
}

/** With what a shim was started: what one needs that goes on with its sandbox. */
export const startFile = (roots: ShimRoots, name: ShimName): string => join(shimDirectory(roots, name), "start.json");

/** The sandbox's own directory, which holds its record. */
export function runDirectory(roots: ShimRoots, { namespace, sandboxId }: ShimName): string {
  return join(roots.run, namespace, sandboxId);
}

/**
 * The socket a shim listens on. It is named after the process, which is unique, short whatever the ids are, and tells an
 * operator whose it is.
 */
export function socketPath(roots: ShimRoots, { pid, startTime }: ProcessIdentity): string {
  return join(roots.sockets, `${pid}-${startTime}`);
}

/** In a bundle: the encoded answer to the deletion that went well, for containerd's `delete` call right after it. */
export const deletedFile = (bundle: string): string => join(bundle, "deleted");
