import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/errors/error.js";

/**
 * Gives up the descriptors that containerd waits on: 0 and 1 become /dev/null, 2 the `log` pipe of the bundle. It is
 * opened for reading too, so that writing to it neither waits for containerd nor fails without it.
 */
export function detachStdio(bundle: string): void {
  detachLog(bundle);
  detachOutput();
}

/** All of it but the output, on which something is still to be said. */
export function detachLog(bundle: string): void {
  replace(0, () => openSync("/dev/null", "r"));
  replace(2, () => openLog(join(bundle, "log")) ?? openSync("/dev/null", "w"));
}

/** The rest. */
export function detachOutput(): void {
  replace(1, () => openSync("/dev/null", "w"));
}

/** The lowest free number is the one that was just closed: nothing else runs yet. */
function replace(descriptor: number, open: () => number): void {
  closeSync(descriptor);
  const opened = open();
  if (opened !== descriptor) throw new Error(`descriptor ${opened} came in the place of ${descriptor}`);
}

function openLog(path: string): number | undefined {
  const { O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;
  let descriptor: number;
  try {
    descriptor = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    // Run by hand there is none; nothing else than a pipe is written to.
    if (["ENOENT", "ELOOP", "EISDIR", "ENXIO", "EACCES"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
  if (fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  return undefined;
}
