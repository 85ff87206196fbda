import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../../../core/deadline.js";
import type { Logger } from "../../../core/log.js";
import type { SandboxInfo } from "../../../core/plugin/context.js";
import { AdoptedProcess } from "../../../core/process/adopted-process.js";
import { Child, type ChildExit, gentleKill } from "../../../core/process/child.js";
import { defaultPath, findExecutable } from "../../../core/process/find-executable.js";
import type { HelperProcess } from "../../../core/process/helper-process.js";
import { parseIdentity, type ProcessIdentity } from "../../../core/process/identity.js";
import { isPlainObject } from "../../../core/sandbox/plain-object.js";
import type { ProcessNote } from "../../../core/sandbox/record.js";
import type { Sys } from "../../../core/sys/sys.js";
import { lastLogged, logOptions } from "./daemon-log.js";
import { daemonState } from "./daemon-state.js";
import { nydusErrors } from "./errors.js";

/** What a daemon works with. */
export interface DaemonParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly sandbox: Pick<SandboxInfo, "record" | "runDirectory">;
  readonly containerId: string;
}

/** What a daemon is started with. */
export interface DaemonRequest extends DaemonParts {
  /** The image's metadata. */
  readonly bootstrap: string;
  /** nydusd's configuration. */
  readonly config: string;
}

/** What another process needs to know to take a daemon over. */
export interface DaemonKept {
  /** Name of its directory in the sandbox's. */
  readonly directory: string;
  readonly process: ProcessIdentity;
}

/** What the sandbox's record calls it. */
const recordedName = "nydusd";

/** Of its directory. A short name: a socket is in it. */
const namePrefix = "ny-";
const ownName = /^ny-[A-Za-z0-9]{6}$/;

/** How long it may take to serve its image, in milliseconds; it may ask a registry first. */
const startMs = 30_000;
const lookMs = 20;

/**
 * A nydusd that serves one image on the host, by FUSE, in a directory of the sandbox's own; its configuration is a file that
 * only root reads. It looks at the image unconfined, as root: it has no sandbox of its own, unlike virtiofsd. It outlives the
 * process that has started it, for another one to take over.
 */
export class NydusDaemon {
  /** Where the image is. */
  readonly mountPoint: string;
  readonly #parts: DaemonParts;
  /** Behind all links, as the kernel lists mounts. */
  readonly #runDirectory: string;
  readonly #directory: string;
  #child: HelperProcess | undefined;
  #ending = false;

  private constructor(parts: DaemonParts, runDirectory: string, name: string) {
    this.#parts = parts;
    this.#runDirectory = runDirectory;
    this.#directory = join(runDirectory, name);
    this.mountPoint = join(this.#directory, "image");
  }

  /** Serves an image. When that fails nothing is left. `KATA_ROOTFS_NYDUS_NO_DAEMON`, `KATA_ROOTFS_NYDUS_STARTUP`. */
  static async serve(request: DaemonRequest, signal: AbortSignal): Promise<NydusDaemon> {
    const { containerId: container } = request;
    const searched = process.env["PATH"] ?? defaultPath;
    const path = findExecutable("nydusd", searched);
    if (path === undefined) throw nydusErrors.KATA_ROOTFS_NYDUS_NO_DAEMON({ container, searched });
    const runDirectory = realpathSync(request.sandbox.runDirectory);
    const name = basename(mkdtempSync(join(runDirectory, namePrefix)));
    const daemon = new NydusDaemon(request, runDirectory, name);
    try {
      await daemon.#start(path, request, signal);
      return daemon;
    } catch (error) {
      await daemon.end().catch((undoing: unknown) => request.log.warn("undoing a nydusd", { error: undoing }));
      throw error;
    }
  }

  /** Takes over the one that a process has started who was killed; what is wrong, in words, when that cannot be. */
  static adopt(parts: DaemonParts, kept: unknown): NydusDaemon | string {
    const { directory, process: wanted } = isPlainObject(kept) ? kept : {};
    const identity = parseIdentity(wanted);
    if (typeof directory !== "string" || !ownName.test(directory) || identity === undefined)
      return "its state does not say which nydusd serves it";
    const noted = parts.sandbox.record.running(recordedName, identity);
    const child = noted && AdoptedProcess.watch(parts.sys, "nydusd", identity);
    if (noted === undefined || child === undefined) return `its nydusd (pid ${identity.pid}) does not run any more`;
    const daemon = new NydusDaemon(parts, realpathSync(parts.sandbox.runDirectory), directory);
    if (!parts.sys.mounts.isMountPoint(daemon.mountPoint)) {
      child.release();
      return `nothing is mounted at ${daemon.mountPoint}`;
    }
    daemon.#child = child;
    void daemon.#watch(child, noted);
    return daemon;
  }

  /** Undefined before it was started. */
  get kept(): DaemonKept | undefined {
    const { pid, startTime } = this.#child?.identity ?? {};
    if (pid === undefined || startTime === undefined) return undefined;
    return { directory: basename(this.#directory), process: { pid, startTime } };
  }

  /** Ends it, with its mount. Idempotent. */
  async end(): Promise<void> {
    const { sys, sandbox } = this.#parts;
    this.#ending = true;
    await this.#child?.end(gentleKill);
    // It unmounts when it ends well; somebody may still have files of it open.
    await sys.mounts.unmount(this.mountPoint, { detach: true });
    sandbox.record.forget(this.mountPoint);
    await sys.files.removeTreeBeneath(this.#runDirectory, basename(this.#directory));
  }

  async #start(path: string, { bootstrap, config }: DaemonRequest, signal: AbortSignal): Promise<void> {
    const { log, sandbox, containerId } = this.#parts;
    const file = join(this.#directory, "config.json");
    const socket = join(this.#directory, "api");
    writeFileSync(file, config, { mode: 0o600 });
    mkdirSync(this.mountPoint);
    sandbox.record.mount(this.mountPoint);
    const where = ["--bootstrap", bootstrap, "--mountpoint", this.mountPoint];
    const args = ["fuse", ...where, "--config", file, "--apisock", socket, ...logOptions(this.#directory)];
    // As many open files as this process may have: it asks for a million otherwise, which it may not get.
    args.push("--rlimit-nofile", "0");
    const note = sandbox.record.process(recordedName);
    let child: Child;
    try {
      const env = { PATH: process.env["PATH"] ?? defaultPath, LC_ALL: "C.UTF-8", ...note.env };
      const onLine = (line: string): void => log.debug(line, { process: "nydusd", container: containerId });
      child = await Child.spawn({ name: "nydusd", command: path, args, env, onLine });
      this.#child = child;
      note.started(child.pid);
    } catch (error) {
      note.ended();
      throw error;
    }
    void this.#watch(child, note);
    await this.#served(path, child, socket, signal);
  }

  async #watch(child: HelperProcess, note: Pick<ProcessNote, "ended">): Promise<void> {
    const exit = await child.exited;
    note.ended();
    if (this.#ending) return;
    const { log, containerId: container } = this.#parts;
    log.error("nydusd has ended by itself", { container, how: howItEnded(exit), lines: this.#lastWords(child) });
  }

  /** What it has logged, and written besides. */
  #lastWords(child: HelperProcess): string[] {
    return [...lastLogged(this.#directory, 3), ...child.tail(3)];
  }

  /** Waits until it says that it serves, and is mounted. */
  async #served(path: string, child: Child, socket: string, signal: AbortSignal): Promise<void> {
    const { sys, containerId: container } = this.#parts;
    const context = (): string => `it said: ${this.#lastWords(child).join(" | ")}`;
    const isThere = async (): Promise<boolean> =>
      sys.mounts.isMountPoint(this.mountPoint) && (await daemonState(socket)) === "RUNNING";
    await withDeadline({ ms: startMs, what: `nydusd (${path}) to serve the image`, context }, async (late) => {
      while (!(await isThere())) {
        signal.throwIfAborted();
        late.throwIfAborted();
        const { exit } = child;
        if (exit !== undefined) {
          await child.exited;
          const [how, lines] = [howItEnded(exit), this.#lastWords(child)];
          throw nydusErrors.KATA_ROOTFS_NYDUS_STARTUP({ container, path, how, lines });
        }
        await sleep(lookMs);
      }
    });
  }
}

/** The end of a process in words. */
function howItEnded({ code, signal }: ChildExit): string {
  if (code === -1 && signal === undefined) return "nobody saw how";
  return signal === undefined ? `exit code ${code}` : `signal ${signal}`;
}
