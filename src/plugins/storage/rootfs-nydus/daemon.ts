import { get } from "node:http";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../../../core/deadline.js";
import { codeOf } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { SandboxInfo } from "../../../core/plugin/context.js";
import { Child, type ChildExit, gentleKill } from "../../../core/process/child.js";
import { defaultPath, findExecutable } from "../../../core/process/find-executable.js";
import type { ProcessNote } from "../../../core/sandbox/record.js";
import type { Sys } from "../../../core/sys/sys.js";
import { nydusErrors } from "./errors.js";

/** What a daemon is started with. */
export interface DaemonRequest {
  readonly sys: Sys;
  readonly log: Logger;
  readonly sandbox: Pick<SandboxInfo, "record" | "runDirectory">;
  readonly containerId: string;
  /** The image's metadata. */
  readonly bootstrap: string;
  /** nydusd's configuration. */
  readonly config: string;
}

/** How long it may take to serve its image, in milliseconds; it may ask a registry first. */
const startMs = 30_000;
const lookMs = 20;
const answerMs = 2000;

/**
 * A nydusd that serves one image on the host, by FUSE, in a directory of the sandbox's own; its configuration is a file that
 * only root reads. It looks at the image unconfined, as root: it has no sandbox of its own, unlike virtiofsd.
 */
export class NydusDaemon {
  /** Where the image is. */
  readonly mountPoint: string;
  readonly #request: DaemonRequest;
  readonly #directory: string;
  #child: Child | undefined;
  #ending = false;

  private constructor(request: DaemonRequest) {
    this.#request = request;
    // A short name: a socket is in it.
    this.#directory = mkdtempSync(join(realpathSync(request.sandbox.runDirectory), "ny-"));
    this.mountPoint = join(this.#directory, "image");
  }

  /** Serves an image. When that fails nothing is left. `KATA_ROOTFS_NYDUS_NO_DAEMON`, `KATA_ROOTFS_NYDUS_STARTUP`. */
  static async serve(request: DaemonRequest, signal: AbortSignal): Promise<NydusDaemon> {
    const { containerId: container } = request;
    const searched = process.env["PATH"] ?? defaultPath;
    const path = findExecutable("nydusd", searched);
    if (path === undefined) throw nydusErrors.KATA_ROOTFS_NYDUS_NO_DAEMON({ container, searched });
    const daemon = new NydusDaemon(request);
    try {
      await daemon.#start(path, signal);
      return daemon;
    } catch (error) {
      await daemon.end().catch((undoing: unknown) => request.log.warn("undoing a nydusd", { error: undoing }));
      throw error;
    }
  }

  /** Ends it, with its mount. Idempotent. */
  async end(): Promise<void> {
    const { sys, sandbox } = this.#request;
    this.#ending = true;
    await this.#child?.end(gentleKill);
    // It unmounts when it ends well; somebody may still have files of it open.
    await sys.mounts.unmount(this.mountPoint, { detach: true });
    sandbox.record.forget(this.mountPoint);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(path: string, signal: AbortSignal): Promise<void> {
    const { log, sandbox, bootstrap, config, containerId } = this.#request;
    const file = join(this.#directory, "config.json");
    const socket = join(this.#directory, "api");
    writeFileSync(file, config, { mode: 0o600 });
    mkdirSync(this.mountPoint);
    sandbox.record.mount(this.mountPoint);
    const where = ["--bootstrap", bootstrap, "--mountpoint", this.mountPoint];
    const args = ["fuse", ...where, "--config", file, "--apisock", socket, "--log-level", "warn"];
    // As many open files as this process may have: it asks for a million otherwise, which it may not get.
    args.push("--rlimit-nofile", "0");
    const note = sandbox.record.process("nydusd");
    try {
      const env = { PATH: process.env["PATH"] ?? defaultPath, LC_ALL: "C.UTF-8", ...note.env };
      const onLine = (line: string): void => log.debug(line, { process: "nydusd", container: containerId });
      this.#child = await Child.spawn({ name: "nydusd", command: path, args, env, onLine });
      note.started(this.#child.pid);
    } catch (error) {
      note.ended();
      throw error;
    }
    const child = this.#child;
    void this.#watch(child, note);
    await this.#served(path, child, socket, signal);
  }

  async #watch(child: Child, note: ProcessNote): Promise<void> {
    const exit = await child.exited;
    note.ended();
    if (this.#ending) return;
    const { log, containerId: container } = this.#request;
    log.error("nydusd has ended by itself", { container, how: howItEnded(exit), lines: child.tail(3) });
  }

  /** Waits until it says that it serves, and is mounted. */
  async #served(path: string, child: Child, socket: string, signal: AbortSignal): Promise<void> {
    const { sys, containerId: container } = this.#request;
    const context = (): string => `it said: ${child.tail(5).join(" | ")}`;
    const isThere = async (): Promise<boolean> =>
      sys.mounts.isMountPoint(this.mountPoint) && (await stateOf(socket)) === "RUNNING";
    await withDeadline({ ms: startMs, what: `nydusd (${path}) to serve the image`, context }, async (late) => {
      while (!(await isThere())) {
        signal.throwIfAborted();
        late.throwIfAborted();
        const { exit } = child;
        if (exit !== undefined) {
          await child.exited;
          throw nydusErrors.KATA_ROOTFS_NYDUS_STARTUP({ container, path, how: howItEnded(exit), lines: child.tail(5) });
        }
        await sleep(lookMs);
      }
    });
  }
}

/** The end of a process in words. */
function howItEnded(exit: ChildExit): string {
  return exit.signal === undefined ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

/** Codes of a socket that is not there yet, or that nobody serves any more. */
const silent = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);

/** What the daemon says of itself (`state` of nydus' `GET /api/v1/daemon`); undefined when it does not answer. */
function stateOf(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ socketPath, path: "/api/v1/daemon", timeout: answerMs, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > 65_536) request.destroy();
      });
      response.once("error", () => resolve(undefined));
      response.once("end", () => resolve(/"state"\s*:\s*"(\w+)"/.exec(text)?.[1]));
    });
    request.once("timeout", () => request.destroy());
    request.once("close", () => resolve(undefined));
    request.once("error", (error) => (silent.has(codeOf(error) ?? "") ? resolve(undefined) : reject(error)));
  });
}
