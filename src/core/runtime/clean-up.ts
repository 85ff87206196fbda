import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Roots } from "../plugin/context.js";
import { createLinuxSys } from "../sys/linux/index.js";
import type { Sys } from "../sys/sys.js";
import { assertId } from "./errors.js";
import { defaultRoots } from "./roots.js";

/** Which sandbox's leftovers are undone. */
export interface CleanUpOptions {
  /** Those of the runtime that has made it. */
  readonly namespace: string;
  readonly sandboxId: string;
  readonly roots?: Partial<Roots>;
  readonly sys?: Sys;
}

/**
 * For programs whose runtime was killed: undoes what that has left of a sandbox, by the record that it kept: processes, mounts,
 * links, cgroups, files. A sandbox whose process lives is ended by it too, so be sure that it does not. Idempotent, and one at
 * a time; nothing to undo is no error. Everything is tried; what could not be undone is in the `AggregateError`.
 */
export async function cleanUpSandbox(options: CleanUpOptions): Promise<void> {
  const { namespace, sandboxId, sys = createLinuxSys() } = options;
  const { run } = { ...defaultRoots, ...options.roots };
  assertId("the namespace", namespace);
  assertId("the sandbox id", sandboxId);
  if (!existsSync(join(run, namespace, sandboxId))) return;
  const name = { namespace, sandboxId };
  // Seldom needed, and not small.
  const [{ undoSandbox }, { withLeftovers }] = await Promise.all([
    import("./undo-sandbox.js"),
    import("./leftovers-lock.js"),
  ]);
  const errors = await withLeftovers(sys, { run }, name, () => undoSandbox({ sys, run, ...name }));
  if (errors.length > 0) throw new AggregateError(errors, `the sandbox "${sandboxId}" is not cleaned up`);
}
