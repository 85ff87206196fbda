import { closeSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { codeOf } from "../../core/errors/error.js";
import type { Logger } from "../../core/log.js";
import type { Sys } from "../../core/sys/sys.js";

const closeOnExec = 0o2000000;
const highestScore = 1000;

/**
 * Closes descriptors this process was given beyond the first three. Node's own are all close-on-exec; those that somebody
 * left open for us are not, and would go on to every child.
 */
export function closeInheritedDescriptors(): number[] {
  const closed: number[] = [];
  for (const entry of readdirSync("/proc/self/fdinfo")) {
    const descriptor = Number(entry);
    if (descriptor > 2 && isInherited(descriptor)) {
      closeSync(descriptor);
      closed.push(descriptor);
    }
  }
  return closed;
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch (error) {
    // The one that the list was read through.
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Has the kernel kill this process before containerd when memory runs out, as containerd does with its own shims. */
export function raiseOomScore(log: Logger): void {
  const path = "/proc/self/oom_score_adj";
  try {
    const score = Number.parseInt(readFileSync(path, "latin1"), 10);
    writeFileSync(path, String(Math.min(score + 1, highestScore)));
  } catch (error) {
    log.debug("cannot set the OOM score", { error });
  }
}

/** Leaves containerd's process group and session, so that no signal to those reaches the shim. */
export function leaveSession(sys: Sys, log: Logger): void {
  try {
    sys.processes.setSession();
  } catch (error) {
    // Who leads a group leads it alone already.
    log.debug("cannot begin a session", { error });
  }
}
