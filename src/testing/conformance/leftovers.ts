import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../core/errors/error.js";
import { parseMountinfo } from "../../core/sys/mountinfo.js";
import type { FakeSys } from "../fake-sys.js";

/** How long what is being given back may take to be gone, in milliseconds. */
const patience = 500;

/** What of this process and of a plugin's place is there, a line for each thing. */
export type Traces = ReadonlySet<string>;

/** Where it is looked for. */
export interface TracesOf {
  /** All below is the plugin's. */
  readonly directory: string;
  readonly sys: Pick<FakeSys, "mountTable" | "processTable" | "network">;
}

/** The value, or nothing when what it is about has gone meanwhile. */
function unlessGone<T>(act: () => T[]): T[] {
  try {
    return act();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EBADF", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
    throw error;
  }
}

/** What a process has open for itself once it has used it: the event loop's, and the one that it has in reserve. */
const ofTheProcess = /: (\/proc\/.*|anon_inode:\[eventpoll\]|anon_inode:inotify|\/dev\/null)$/;

/** Open descriptors. */
export function descriptors(): string[] {
  const own = "/proc/self/fd";
  return readdirSync(own)
    .flatMap((fd) => unlessGone(() => [`descriptor ${fd}: ${readlinkSync(join(own, fd))}`]))
    .filter((line) => !ofTheProcess.test(line));
}

function children(): string[] {
  return readdirSync("/proc/self/task")
    .flatMap((thread) => unlessGone(() => [readFileSync(`/proc/self/task/${thread}/children`, "latin1")]))
    .flatMap((text) => text.split(" ").filter((pid) => pid !== ""))
    .flatMap((pid) => unlessGone(() => [`process ${pid}: ${readFileSync(`/proc/${pid}/comm`, "latin1").trim()}`]));
}

const mounts = (directory: string): string[] =>
  parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"))
    .filter(({ mountPoint, source }) => mountPoint.startsWith(directory) || source.startsWith(directory))
    .map(({ mountPoint, type }) => `mount of ${type} at ${mountPoint}`);

/** What the runtime keeps for all sandboxes, in the directories above theirs. */
const ofTheRuntime = /^(run(\/[^/]+\.json)?|shared)$/;

const files = (directory: string): string[] =>
  unlessGone(() => readdirSync(directory, { recursive: true, encoding: "utf8" }))
    .filter((name) => !ofTheRuntime.test(name))
    .map((name) => `entry ${join(directory, name)}`);

const links = (): string[] => unlessGone(() => readdirSync("/sys/class/net")).map((name) => `link ${name}`);

function pretended({ mountTable, processTable, network }: TracesOf["sys"]): string[] {
  const processes = [...processTable].filter(([, { exit }]) => exit === undefined);
  return [
    ...mountTable.map(({ id, type, mountPoint }) => `mount ${id} of ${type} at ${mountPoint} (pretended)`),
    ...processes.map(([pid]) => `process ${pid} (pretended)`),
    ...network.describe(),
  ];
}

/** What is there now. */
export const traces = ({ directory, sys }: TracesOf): Traces =>
  new Set([...descriptors(), ...children(), ...mounts(directory), ...files(directory), ...links(), ...pretended(sys)]);

/** What is there and was not before, in words, once what is being given back has had the time for it. */
export async function leftovers(before: Traces, of: TracesOf): Promise<string[]> {
  const end = performance.now() + patience;
  for (;;) {
    const left = [...traces(of)].filter((trace) => !before.has(trace)).toSorted();
    if (left.length === 0 || performance.now() > end) return left;
    await sleep(20);
  }
}
