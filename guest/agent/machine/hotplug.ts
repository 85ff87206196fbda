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
  /** CPUs that must be online, the first one among them: no more are brought online; 0: whichever there are. */
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
  if (cpus === 0) {
    for (const path of parts(directory, /^cpu\d+$/)) setOnline(join(path, "online"), "0", "1");
    return;
  }
  let online = bringSome(directory, cpus);
  await withDeadline({ ms, what: `${cpus} CPUs to be online`, context: () => `${online} are` }, async (signal) => {
    while (online < cpus && !signal.aborted) {
      await pause(lookPause);
      online = bringSome(directory, cpus);
    }
  });
}

/** Brings CPUs online, the first ones first, until there are so many; how many there are. The machine may do that as well. */
function bringSome(directory: string, cpus: number): number {
  const states = parts(directory, /^cpu\d+$/).map((path) => join(path, "online"));
  // the first CPU, which has no such file, cannot be taken offline
  let online = states.filter(
    (path, index) => stateOf(path) === "1" || (index === 0 && stateOf(path) === undefined),
  ).length;
  for (const path of states) {
    if (online >= cpus) break;
    if (setOnline(path, "0", "1")) online += 1;
  }
  return online;
}

function bringMemoryOnline(directory: string): void {
  for (const path of parts(directory, /^memory\d+$/)) setOnline(join(path, "state"), "offline", "online");
}

/** Directories of that kind, by their numbers. */
function parts(directory: string, names: RegExp): string[] {
  const number = (name: string): number => Number(name.replace(/\D+/, ""));
  const found = readdirSync(directory).filter((entry) => names.test(entry));
  return found.sort((a, b) => number(a) - number(b)).map((name) => join(directory, name));
}

/** Changes what is offline; whether it was. */
function setOnline(path: string, offline: string, online: string): boolean {
  if (stateOf(path) !== offline) return false;
  writeFileSync(path, online);
  return true;
}

function stateOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return undefined;
  }
}
