import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Removes a container's bundle, after its storages were let go of. One may be its root file system; where that could not be
 * unmounted it stays, with the bundle: what is on it is not the agent's to delete.
 */
export function removeBundle(bundle: string): void {
  if (!existsSync(bundle)) return;
  const { dev } = lstatSync(bundle);
  const isOther = (name: string): boolean => lstatSync(join(bundle, name)).dev !== dev;
  if (!readdirSync(bundle).some(isOther)) rmSync(bundle, { recursive: true, force: true });
}
