import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Sys } from "../../core/sys/sys.js";
import type { ShimName, ShimRoots } from "./layout.js";

/** Milliseconds another process may take that undoes the same, or goes on with it. */
const lockTime = 30_000;

/** Does something to what a dead shim has left while no other process does. */
export async function withLeftovers<T>(
  sys: Pick<Sys, "files">,
  roots: ShimRoots,
  name: ShimName,
  act: () => Promise<T>,
): Promise<T> {
  const lockPath = join(roots.run, `.lock-${name.namespace}-${name.sandboxId}`.slice(0, 255));
  const what = `another process to clean up the sandbox "${name.sandboxId}"`;
  const lock = await sys.files.lock(lockPath, { ms: lockTime, what });
  try {
    return await act();
  } finally {
    rmSync(lockPath, { force: true });
    lock.release();
  }
}
