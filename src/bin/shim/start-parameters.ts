import { isAbsolute } from "node:path";
import { isPlainObject } from "../../core/sandbox/plain-object.js";
import type { Sys } from "../../core/sys/sys.js";
import type { Handover } from "./handover.js";
import { type ShimName, type ShimRoots, startFile } from "./layout.js";
import { readOwnFile } from "./own-files.js";

/** With what a shim was started, for another one that goes on with its sandbox. */
export type StartParameters = Pick<Handover, "bundle" | "address" | "eventsAddress" | "debug">;

/** Notes it beside the claim, whole or not at all. */
export async function noteStart(sys: Pick<Sys, "files">, handover: Handover): Promise<void> {
  const { roots, name, bundle, address, eventsAddress, debug } = handover;
  const text = JSON.stringify({ version: 1, bundle, address, eventsAddress, debug });
  await sys.files.writeFileAtomic(startFile(roots, name), `${text}\n`, 0o600);
}

/** What was noted; undefined when nothing that can be used is there. */
export function readStart(roots: ShimRoots, name: ShimName): StartParameters | undefined {
  const text = readOwnFile(startFile(roots, name));
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isPlainObject(value) || value["version"] !== 1) return undefined;
  const { bundle, address, eventsAddress, debug } = value;
  if (typeof bundle !== "string" || !isAbsolute(bundle) || bundle.includes("\0")) return undefined;
  if (typeof address !== "string" || typeof eventsAddress !== "string" || typeof debug !== "boolean") return undefined;
  return { bundle, address, eventsAddress, debug };
}
