import { readFileSync, readdirSync } from "node:fs";
import { withDeadline } from "../../../core/deadline.js";
import { codeOf } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import { AdoptedProcess } from "../../../core/process/adopted-process.js";
import { Child, type ChildExit, forcedKill, gentleKill } from "../../../core/process/child.js";
import { defaultPath } from "../../../core/process/find-executable.js";
import type { HelperProcess } from "../../../core/process/helper-process.js";
import { identityOf, killByIdentity, type ProcessIdentity } from "../../../core/process/identity.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import type { Sys } from "../../../core/sys/sys.js";
import { daemonArguments, type DaemonCommand } from "./command-line.js";
import { virtioFsErrors } from "./errors.js";

/** What a daemon is started with. */
export interface DaemonRequest {
  readonly sys: Sys;
  readonly log: Logger;
  readonly record: SandboxRecord;
  readonly path: string;
  /** Where it listens for its one connection. */
  readonly socket: string;
  readonly command: Omit<DaemonCommand, "fd">;
}

/** What the sandbox's record calls it. */
const recordedName = "virtiofsd";

/** Number of the first descriptor a child is given. */
const firstFd = 3;

/** What both flavours say when they have understood their arguments, on levels at which they say anything. */
const readyLine = "Waiting for vhost-user socket connection";
const talkativeLevels = ["info", "debug"];
const readyMs = 10_000;

/**
 * A running virtiofsd. The socket is made here, with mode 0600, and handed over listening: it can be connected to before
 * the daemon has begun to run, and refuses connections when it has died. The daemon ends when its one client hangs up.
 */
export class Daemon {
  readonly exited: Promise<ChildExit>;
  readonly #child: HelperProcess;
  readonly #path: string;
  readonly #waiting: Promise<void>;

  private constructor(child: HelperProcess, path: string, waiting: Promise<void>) {
    this.#child = child;
    this.#path = path;
    this.#waiting = waiting;
    this.exited = child.exited;
  }

  static async spawn({ sys, log, record, path, socket, command }: DaemonRequest): Promise<Daemon> {
    const args = daemonArguments({ ...command, fd: firstFd });
    const level = command.extra.findLast((option) => option.name === "log-level")?.value ?? "info";
    let isWaiting: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      isWaiting = resolve;
      if (!talkativeLevels.includes(level)) resolve();
    });
    const onLine = (line: string): void => {
      log.debug(line, { process: "virtiofsd" });
      if (line.includes(readyLine)) isWaiting();
    };
    const note = record.process(recordedName);
    let listening: number | undefined;
    let child: Child | undefined;
    try {
      listening = sys.sockets.listenUnix(socket);
      // The one in C takes "try again" of accept(2) for a failure.
      sys.descriptors.setNonBlocking(listening, false);
      const env = { PATH: process.env["PATH"] ?? defaultPath, LC_ALL: "C.UTF-8", ...note.env };
      child = await Child.spawn({ name: "virtiofsd", command: path, args, env, fds: [listening], onLine });
      note.started(child.pid);
      void child.exited.then(() => note.ended());
      return new Daemon(child, path, waiting);
    } catch (error) {
      await child?.end(forcedKill);
      note.ended();
      throw error;
    } finally {
      // Ours too would keep connections waiting for a daemon that has died.
      if (listening !== undefined) sys.descriptors.close(listening);
    }
  }

  /** Takes over the one that a process has started who was killed; undefined when it does not run any more. */
  static adopt({ sys, record }: Pick<DaemonRequest, "sys" | "record">): Daemon | undefined {
    const noted = record.running(recordedName);
    const child = noted && AdoptedProcess.watch(sys, "virtiofsd", noted.identity);
    if (noted === undefined || child === undefined) return undefined;
    void child.exited.then(() => noted.ended());
    return new Daemon(child, "", Promise.resolve());
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exit(): ChildExit | undefined {
    return this.#child.exit;
  }

  /** Ends well when it waits for its client; with its last words when it ends instead, `KATA_VIRTIOFS_STARTUP`. */
  async ready(): Promise<void> {
    const context = (): string => `it said: ${this.tail().join(" | ")}`;
    const wait = { ms: readyMs, what: `virtiofsd (${this.#path}) to wait for its client`, context };
    const early = this.exited.then((exit) => {
      throw virtioFsErrors.KATA_VIRTIOFS_STARTUP({ path: this.#path, how: howItEnded(exit), lines: this.tail() });
    });
    await withDeadline(wait, () => Promise.race([this.#waiting, early]));
  }

  tail(): string[] {
    return this.#child.tail(5);
  }

  /** Ends the daemon and what it forked; idempotent. */
  async end(): Promise<void> {
    // In a namespace of its own the real daemon is a child, which must not outlive its parent.
    const children = childrenOf(this.pid);
    await this.#child.end(gentleKill);
    for (const child of children) await killByIdentity("virtiofsd", child);
  }
}

/** The end of a process in words. */
export function howItEnded(exit: ChildExit): string {
  if (exit.code === -1 && exit.signal === undefined) return "nobody saw how";
  return exit.signal === undefined ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

function childrenOf(pid: number): ProcessIdentity[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const pids = tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").trim().split(" "),
    );
    return pids.map((child) => identityOf(Number(child))).filter((identity) => identity !== undefined);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return [];
    throw error;
  }
}
