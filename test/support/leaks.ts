import { execFileSync } from "node:child_process";
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../src/core/errors/error.js";
import { parseMountinfo } from "../../src/core/sys/mountinfo.js";

/** What of this machine belongs to a test, so that others may run beside it. */
export interface LeakScope {
  /** The test's unique directories and ids: only what holds one of these in its path or command line is looked at. */
  readonly marks: readonly string[];
  /** Directories that are looked through besides the runtime's own; for entries, and entries below them, that hold a mark. */
  readonly directories?: readonly string[];
  /** Beginnings of the names of the test's links in this network namespace. */
  readonly links?: readonly string[];
  /** Network namespaces of the test's own, by their names in `/run/netns`: everything in them is looked at. */
  readonly namespaces?: readonly string[];
}

/** What there is, one readable line a thing. */
export type Traces = ReadonlySet<string>;

const runtimeDirectories = ["/run/kata-ts", "/run/kata-containers", "/run/containerd/s", "/run/netns"];
/** How deep directories are looked through: container directories of a shared tree are this deep. */
const depthLimit = 6;
const goneCodes = new Set(["ENOENT", "ESRCH", "ENOTDIR", "EACCES", "EINVAL", "ENODEV"]);

/** The value, or `fallback` when what it is about has gone meanwhile. */
function unlessGone<T>(fallback: T, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (goneCodes.has(codeOf(error) ?? "")) return fallback;
    throw error;
  }
}

/** Processes with a mark in their command line, but this one and those it was started by. Zombies have no command line. */
function processes(marked: (text: string) => boolean): string[] {
  const own = new Set<number>();
  for (let pid = process.pid; pid > 0; pid = parentOf(pid)) own.add(pid);
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && !own.has(Number(entry)))
    .flatMap((pid) => {
      const command = unlessGone("", () => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim());
      return marked(command) ? [`process ${pid}: ${command}`] : [];
    });
}

/** 0 for one that has none, or has ended. */
export function parentOf(pid: number): number {
  return unlessGone(0, () => Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0));
}

function mounts(marked: (text: string) => boolean): string[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"))
    .filter(({ mountPoint, root, source }) => [mountPoint, root, source].some(marked))
    .map(({ mountPoint, type, root, source, id }) => `mount ${id} of ${type} ${source} (${root}) at ${mountPoint}`);
}

/** Bound UNIX sockets, abstract ones too. */
function sockets(marked: (text: string) => boolean): string[] {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n").slice(1);
  const paths = lines.map((line) => line.split(/\s+/).slice(7).join(" ")).filter(marked);
  return [...new Set(paths)].map((path) => `socket ${path}`);
}

function* entriesBelow(directory: string, depth: number): Generator<string> {
  const entries: Dirent[] = unlessGone([], () => readdirSync(directory, { withFileTypes: true }));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    yield path;
    if (entry.isDirectory() && depth > 1) yield* entriesBelow(path, depth - 1);
  }
}

function cgroups(marked: (text: string) => boolean): string[] {
  return [...directoriesBelow("/sys/fs/cgroup", depthLimit)].filter(marked).map((path) => `cgroup ${path}`);
}

function* directoriesBelow(directory: string, depth: number): Generator<string> {
  const entries: Dirent[] = unlessGone([], () => readdirSync(directory, { withFileTypes: true }));
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name);
    yield path;
    if (depth > 1) yield* directoriesBelow(path, depth - 1);
  }
}

/** Links whose name begins like the test's, or whose alias holds a mark. */
function links(marked: (text: string) => boolean, prefixes: readonly string[]): string[] {
  return readdirSync("/sys/class/net")
    .filter((name) => {
      const alias = unlessGone("", () => readFileSync(`/sys/class/net/${name}/ifalias`, "utf8"));
      return prefixes.some((prefix) => name.startsWith(prefix)) || marked(name) || marked(alias);
    })
    .map((name) => `link ${name}`);
}

/** Links and queueing disciplines of the test's own network namespaces that are there. */
function insideNamespaces(names: readonly string[]): string[] {
  const there = new Set(unlessGone([], () => readdirSync("/run/netns")));
  return names
    .filter((name) => there.has(name))
    .flatMap((name) => {
      const list = (program: string, ...what: string[]): string[] =>
        execFileSync(program, ["-n", name, ...what], { encoding: "utf8" })
          .split("\n")
          .filter((line) => line !== "");
      return [
        ...list("ip", "-o", "link", "show").map((line) => `namespace ${name}: link ${line.split(": ")[1] ?? line}`),
        ...list("tc", "qdisc", "show").map((line) => `namespace ${name}: ${line.trim()}`),
      ];
    });
}

/** What of the test's scope is there now. */
export function traces(scope: LeakScope): Traces {
  const marks = scope.marks.filter((mark) => mark !== "");
  const marked = (text: string): boolean => marks.some((mark) => text.includes(mark));
  const directories = [...runtimeDirectories, ...(scope.directories ?? [])];
  const files = directories.flatMap((directory) => [...entriesBelow(directory, depthLimit)].filter(marked));
  return new Set([
    ...processes(marked),
    ...mounts(marked),
    ...sockets(marked),
    ...cgroups(marked),
    ...links(marked, scope.links ?? []),
    ...insideNamespaces(scope.namespaces ?? []),
    ...files.map((path) => `entry ${path}`),
  ]);
}

/** What is there now and was not before, in words. */
export function leaksSince(before: Traces, scope: LeakScope): string[] {
  return [...traces(scope)].filter((trace) => !before.has(trace)).sort();
}

/** Waits until nothing is there that was not there `before`; after `ms` fails with a list of what is. */
export async function expectNoLeaks(before: Traces, scope: LeakScope, ms = 5000): Promise<void> {
  const end = performance.now() + ms;
  for (let pause = 10; ; pause = Math.min(pause * 2, 250)) {
    const left = leaksSince(before, scope);
    if (left.length === 0) return;
    if (performance.now() > end)
      throw new Error(
        `${left.length} thing(s) left behind after ${ms} ms:\n${left.map((line) => `  ${line}`).join("\n")}`,
      );
    await sleep(pause);
  }
}

/**
 * Checks after each test of the surrounding suite that it left nothing behind. `scope` is asked before and after each, so
 * that it may name what a `beforeEach` made. Call it in an outer suite, or after the suite's own `afterEach`: hooks run in
 * the order in which they were given.
 */
export function checkLeaks(scope: () => LeakScope, ms = 5000): void {
  let before: Traces = new Set();
  beforeEach("look at what is there", () => {
    before = traces(scope());
  });
  afterEach("nothing is left behind", async function () {
    this.timeout(ms + 10_000);
    await expectNoLeaks(before, scope(), ms);
  });
}
