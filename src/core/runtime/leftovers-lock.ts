import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Sys } from "../sys/sys.js";
import type { SandboxName } from "./undo-sandbox.js";

/** Milliseconds another process may take that undoes the same, or goes on with it. */
const lockTime = 30_000;

/** Does something to what a dead process has left of a sandbox while no other process does. */
export async function withLeftovers<T>(
  sys: Pick<Sys, "files">,
  roots: { readonly run: string },
  { namespace, sandboxId }: SandboxName,
  act: () => Promise<T>,
): Promise<T> {
  const lockPath = join(roots.run, `.lock-${namespace}-${sandboxId}`.slice(0, 255));
  const what = `another process to clean up the sandbox "${sandboxId}"`;
  const lock = await sys.files.lock(lockPath, { ms: lockTime, what });
  try {
    return await act();
  } finally {
    rmSync(lockPath, { force: true });
    lock.release();
  }
}
