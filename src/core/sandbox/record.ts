import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync, renameSync, rmSync, type Stats, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { codeOf, messageOf } from "../errors/error.js";
import { identityOf, isRunning, parseIdentity, type ProcessIdentity } from "../process/identity.js";
import { type FileStart, readRegularFile } from "../regular-file.js";
import { strangers } from "./own-file.js";
import { processMark, sandboxMark } from "./process-mark.js";
import { recordErrors } from "./record-errors.js";

/** A process that the sandbox started, or is about to start. */
export interface RecordedProcess {
  readonly name: string;
  /** Value of `KATA_TS_PROCESS` in its environment, unique to this process and what it forks. */
  readonly mark: string;
  /** Absent from just before it is started until its pid is known. */
  readonly identity?: ProcessIdentity;
}

const pathKinds = ["mount", "file", "directory", "shared directory", "tree", "unit"] as const;

/** What is undone after the processes have ended: last noted, first undone. */
export interface RecordedPath {
  /**
   * A mount is unmounted, a file unlinked, a directory (a cgroup, say) removed if empty, a tree removed with all in it. A
   * shared directory stays when others are in it. A unit is the cgroup of a unit of systemd, which is named like its last part:
   * it is stopped.
   */
  readonly kind: (typeof pathKinds)[number];
  readonly path: string;
}

/** What the sandbox changed of the network; undone after the processes have ended, last noted first. */
export type RecordedNetwork =
  /** A qdisc that was hung on a link of the pod. `parent` is `TC_H_*`. */
  | { readonly kind: "qdisc"; readonly namespace: string; readonly link: string; readonly parent: number }
  /** A link that was made. */
  | { readonly kind: "link"; readonly namespace: string; readonly link: string }
  /** A PCI device that was taken from a driver, from none when that is empty; and where the link was that it made. */
  | { readonly kind: "driver"; readonly device: string; readonly driver: string; readonly place?: LinkPlace };

/** A link that is gone for a while: where it was, and what it was called there. */
export interface LinkPlace {
  readonly namespace: string;
  readonly name: string;
  readonly alias?: string;
}

/** What `record.json` holds. */
export interface RecordContent {
  readonly version: 3;
  readonly namespace: string;
  readonly sandboxId: string;
  /** Whose sandbox it is: while it runs, nobody else undoes anything. */
  readonly owner: ProcessIdentity;
  readonly processes: readonly RecordedProcess[];
  readonly paths: readonly RecordedPath[];
  readonly network: readonly RecordedNetwork[];
}

/** Bytes of a record that is read, at most: one of ten thousand notes has a tenth of that. */
const mostBytes = 16 << 20;

/** Where a run directory holds its record. */
export const recordFile = (runDirectory: string): string => join(runDirectory, "record.json");

type Changed = Partial<Pick<RecordContent, "owner" | "processes" | "paths" | "network">>;

/** A process that is about to be started. */
export interface ProcessNote {
  /** To be added to the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Takes the pid, right after the spawn. */
  started(pid: number): void;
  /** The process has ended, or was never started. */
  ended(): void;
}

/**
 * What one sandbox has made on the host, kept in `<run directory>/record.json` so that somebody else can undo it after this
 * process was killed. Everything is noted before it is made and forgotten after it is undone. Writing is synchronous and
 * atomic: when a call that notes has returned, the note is there. One that forgets never fails: a note that stays, on a full
 * disk say, names what is gone, which does no harm. The sandbox's own run directory needs no note.
 */
export class SandboxRecord {
  readonly #file: string;
  readonly #watchers = new Set<(pid: number) => void>();
  #content: RecordContent;

  private constructor(file: string, content: RecordContent) {
    this.#file = file;
    this.#content = content;
  }

  /** Begins the record of a new sandbox, in its run directory. */
  static create(runDirectory: string, sandbox: { namespace: string; id: string }): SandboxRecord {
    const record = new SandboxRecord(recordFile(runDirectory), {
      version: 3,
      namespace: sandbox.namespace,
      sandboxId: sandbox.id,
      owner: ourselves(),
      processes: [],
      paths: [],
      network: [],
    });
    record.#write();
    return record;
  }

  /**
   * The record that a run directory holds; undefined when it has none. What it names is killed, unmounted and removed, so one
   * that somebody else may have written is `KATA_RECORD_UNTRUSTED`: a link, another user's, one that others may write to.
   */
  static load(runDirectory: string): SandboxRecord | undefined {
    const file = recordFile(runDirectory);
    const distrust = (problem: string, cause?: unknown) =>
      recordErrors.KATA_RECORD_UNTRUSTED({ file, problem }, { cause });
    let start: FileStart;
    let directory: Stats;
    try {
      directory = lstatSync(runDirectory);
      start = readRegularFile(file, { most: mostBytes, follow: false });
    } catch (error) {
      const code = codeOf(error);
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      if (code === "KATA_FILE_KIND") throw distrust(messageOf(error), error);
      throw recordErrors.KATA_RECORD_READ({ file }, { cause: error });
    }
    if (!directory.isDirectory()) throw distrust(`${runDirectory} is a link to a directory`);
    const problem = strangers(runDirectory, directory) ?? strangers(file, start.stats);
    if (problem !== undefined) throw distrust(problem);
    if (!start.whole) throw distrust(`it has ${start.stats.size} bytes, more than ${mostBytes}`);
    return new SandboxRecord(file, parse(file, start.bytes.toString("utf8")));
  }

  /** Notes that the sandbox is this process's from now on. */
  takeOver(): void {
    this.#change({ owner: ourselves() });
  }

  get content(): RecordContent {
    return this.#content;
  }

  /** Notes a process that is about to be started; `name` is for people: `qemu`. */
  process(name: string): ProcessNote {
    const mark = randomUUID();
    this.#change({ processes: [...this.#content.processes, { name, mark }] });
    const others = () => this.#content.processes.filter((process) => process.mark !== mark);
    return {
      env: { [processMark]: mark, [sandboxMark]: dirname(this.#file) },
      started: (pid) => {
        const identity = identityOf(pid);
        this.#change({ processes: [...others(), { name, mark, ...(identity && { identity }) }] });
        for (const watcher of this.#watchers) watcher(pid);
      },
      ended: () => this.#drop({ processes: others() }),
    };
  }

  /**
   * The note of a process that was started before the record was loaded; undefined when there is none of that name that runs,
   * or, where there may be several, not exactly the one that is `wanted`.
   */
  running(
    name: string,
    wanted?: ProcessIdentity,
  ): (Pick<ProcessNote, "ended"> & { readonly identity: ProcessIdentity }) | undefined {
    for (const { name: noted, mark, identity } of this.#content.processes) {
      if (noted !== name || identity === undefined || !isRunning(identity)) continue;
      if (wanted !== undefined && !isDeepStrictEqual(identity, wanted)) continue;
      const ended = () => this.#drop({ processes: this.#content.processes.filter((one) => one.mark !== mark) });
      return { identity, ended };
    }
    return undefined;
  }

  /** Has `watcher` told of every process as soon as it is started. */
  watchProcesses(watcher: (pid: number) => void): void {
    this.#watchers.add(watcher);
  }

  /** Notes a mount point, before `mount`. */
  mount(path: string): void {
    this.#note({ kind: "mount", path });
  }

  /** Notes a file or socket outside the run directory. */
  file(path: string): void {
    this.#note({ kind: "file", path });
  }

  /** Notes a directory that is to be removed only if it is empty; a cgroup is one. */
  directory(path: string): void {
    this.#note({ kind: "directory", path });
  }

  /** Notes several directories at once, the outermost first. */
  directories(paths: readonly (RecordedPath & { readonly kind: "directory" | "shared directory" | "unit" })[]): void {
    if (paths.length > 0) this.#note(...paths);
  }

  /** Those of these paths that another sandbox has noted as a shared directory: whoever of them is the last removes it. */
  sharedByOthers(paths: readonly string[]): string[] {
    const own = dirname(this.#file);
    const others = paths.length === 0 ? [] : sharedDirectories(dirname(dirname(own)), own);
    return paths.filter((path) => others.includes(path));
  }

  /** Those of these paths that this sandbox has noted as a shared directory. */
  shared(paths: readonly string[]): string[] {
    const own = sharedPaths(this.#content);
    return paths.filter((path) => own.includes(path));
  }

  /** Notes a directory that is to be removed with all that is in it, but nothing that is mounted there. */
  tree(path: string): void {
    this.#note({ kind: "tree", path });
  }

  /** Forgets a path of any kind, after it was undone. */
  forget(path: string): void {
    this.#drop({ paths: this.#content.paths.filter((noted) => noted.path !== path) });
  }

  /** Notes a change of the network, before it is made. */
  network(noted: RecordedNetwork): void {
    this.#change({ network: [...this.#otherNetwork(noted), noted] });
  }

  /** Forgets a change of the network, after it was undone. */
  forgetNetwork(undone: RecordedNetwork): void {
    this.#drop({ network: this.#otherNetwork(undone) });
  }

  #otherNetwork(one: RecordedNetwork): RecordedNetwork[] {
    return this.#content.network.filter((noted) => !isDeepStrictEqual(noted, one));
  }

  #note(...noted: readonly RecordedPath[]): void {
    const isNoted = (one: RecordedPath) => noted.some(({ path, kind }) => one.path === path && one.kind === kind);
    this.#change({ paths: [...this.#content.paths.filter((one) => !isNoted(one)), ...noted] });
  }

  #change(part: Changed): void {
    const before = this.#content;
    this.#content = { ...before, ...part };
    try {
      this.#write();
    } catch (error) {
      this.#content = before;
      throw error;
    }
  }

  /** Changes what the next note is written with, and writes it now if that is possible. */
  #drop(part: Changed): void {
    this.#content = { ...this.#content, ...part };
    try {
      this.#write();
    } catch (error) {
      if (codeOf(error) !== "KATA_RECORD_WRITE") throw error;
    }
  }

  #write(): void {
    const partial = `${this.#file}.new`;
    const write = () => writeFileSync(partial, `${JSON.stringify(this.#content)}\n`, { mode: 0o600, flag: "wx" });
    try {
      try {
        write();
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
        // What a process left that was killed while it wrote, or a link, which is not written through.
        rmSync(partial);
        write();
      }
      renameSync(partial, this.#file);
    } catch (error) {
      throw recordErrors.KATA_RECORD_WRITE({ file: this.#file }, { cause: error });
    }
  }
}

const sharedPaths = ({ paths }: RecordContent): string[] =>
  paths.filter(({ kind }) => kind === "shared directory").map(({ path }) => path);

/** The shared directories of all sandboxes below a root (`<root>/<namespace>/<id>`), but for those of one run directory. */
function sharedDirectories(root: string, except: string): string[] {
  const below = (directory: string): string[] => {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
  };
  const directories = below(root)
    .flatMap(below)
    .filter((directory) => directory !== except);
  return directories.flatMap((directory) => {
    try {
      const content = SandboxRecord.load(directory)?.content;
      return content === undefined ? [] : sharedPaths(content);
    } catch (error) {
      // One that is going, or that is not believed, says nothing.
      if (codeOf(error)?.startsWith("KATA_RECORD_") !== true) throw error;
      return [];
    }
  });
}

function ourselves(): ProcessIdentity {
  const identity = identityOf(process.pid);
  if (identity === undefined) throw new Error("/proc does not know this process");
  return identity;
}

function parse(file: string, text: string): RecordContent {
  const broken = (problem: string, cause?: unknown) => recordErrors.KATA_RECORD_BROKEN({ file, problem }, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken("it is not JSON", error);
  }
  if (typeof value !== "object" || value === null) throw broken("it is not an object");
  const content = value as Partial<Record<keyof RecordContent, unknown>>;
  const { version, namespace, sandboxId, processes, paths, network } = content;
  if (version !== 3) throw broken(`it has version ${JSON.stringify(version)}, and this program reads version 3`);
  if (typeof namespace !== "string" || typeof sandboxId !== "string") throw broken("it names no sandbox");
  const owner = parseIdentity(content.owner);
  if (owner === undefined) throw broken('"owner" is no process');
  if (!Array.isArray(processes) || !processes.every(isProcess)) throw broken('"processes" is not a list of processes');
  if (!Array.isArray(paths) || !paths.every(isPath)) throw broken('"paths" is not a list of paths');
  if (!Array.isArray(network) || !network.every(isNetwork)) throw broken('"network" is not a list of changes');
  return { version, namespace, sandboxId, owner, processes, paths, network };
}

function isProcess(value: unknown): value is RecordedProcess {
  if (typeof value !== "object" || value === null) return false;
  const { name, mark, identity } = value as Partial<Record<keyof RecordedProcess, unknown>>;
  const known = identity === undefined || parseIdentity(identity) !== undefined;
  return typeof name === "string" && typeof mark === "string" && /^[0-9a-f-]{36}$/.test(mark) && known;
}

function isPath(value: unknown): value is RecordedPath {
  if (typeof value !== "object" || value === null) return false;
  const { kind, path } = value as Partial<Record<keyof RecordedPath, unknown>>;
  const known = pathKinds.some((one) => one === kind);
  return known && typeof path === "string" && path.startsWith("/") && !path.split("/").includes("..");
}

function isNetwork(value: unknown): value is RecordedNetwork {
  if (typeof value !== "object" || value === null) return false;
  const { kind, ...rest } = value as Record<string, unknown>;
  const texts = (...keys: string[]) => keys.every((key) => typeof rest[key] === "string");
  if (kind === "qdisc") return texts("namespace", "link") && Number.isInteger(rest["parent"]);
  if (kind === "link") return texts("namespace", "link");
  return kind === "driver" && texts("device", "driver") && (rest["place"] === undefined || isPlace(rest["place"]));
}

function isPlace(value: unknown): value is LinkPlace {
  if (typeof value !== "object" || value === null) return false;
  const { namespace, name, alias } = value as Partial<Record<keyof LinkPlace, unknown>>;
  return (
    typeof namespace === "string" && typeof name === "string" && (alias === undefined || typeof alias === "string")
  );
}
