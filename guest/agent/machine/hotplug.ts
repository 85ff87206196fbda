import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { withDeadline } from "../../../src/core/deadline.js";
import type { Logger } from "../../../src/core/log.js";
import type { AgentRoots } from "../roots.js";

/** Milliseconds between two looks for CPUs that are still coming. */
const lookPause = 20;

/** What is to be taken into use. */
export interface OnlineRequest {
  /** CPUs that must be brought online; 0: whichever there are. */
  readonly cpus: number;
  readonly cpuOnly: boolean;
  /** Whether the caller waits until `cpus` have come. */
  readonly wait: boolean;
  /** Milliseconds that waiting may take. */
  readonly ms: number;
}

/** Takes CPUs and memory that were plugged in into use. */
export async function bringOnline(roots: AgentRoots, request: OnlineRequest, log: Logger): Promise<void> {
  const system = join(roots.sys, "devices/system");
  const bringing = bringCpusOnline(join(system, "cpu"), request);
  if (request.wait) await bringing;
  else bringing.catch((error: unknown) => log.error("bringing CPUs online", { error }));
  if (!request.cpuOnly) bringMemoryOnline(join(system, "memory"));
}

async function bringCpusOnline(directory: string, { cpus, ms }: OnlineRequest): Promise<void> {
  let online = onlineAll(directory, /^cpu\d+$/, "online", "0", "1");
  if (cpus === 0) return;
  await withDeadline({ ms, what: `${cpus} CPUs to be plugged in`, context: () => `${online} came` }, async (signal) => {
    while (online < cpus && !signal.aborted) {
      await pause(lookPause);
      online += onlineAll(directory, /^cpu\d+$/, "online", "0", "1");
    }
  });
}

function bringMemoryOnline(directory: string): void {
  onlineAll(directory, /^memory\d+$/, "state", "offline", "online");
}

/** Changes the state of all that are offline; how many those were. */
function onlineAll(directory: string, names: RegExp, file: string, offline: string, online: string): number {
  let count = 0;
  for (const name of readdirSync(directory).filter((entry) => names.test(entry))) {
    const path = join(directory, name, file);
    if (stateOf(path) !== offline) continue;
    writeFileSync(path, online);
    count += 1;
  }
  return count;
}

function stateOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    // the first CPU, which has no such file, cannot be taken offline
    return undefined;
  }
}
