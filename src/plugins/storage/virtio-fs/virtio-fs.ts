import { rmSync } from "node:fs";
import type { Share, ShareFs, ShareFsContribution, ShareRequest } from "../../../core/contracts/share-fs.js";
import type { Logger } from "../../../core/log.js";
import type { ChildExit } from "../../../core/process/child.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import { guestStorage, shareTag } from "../../../core/share-fs/guest-share.js";
import { SharedFiles } from "../../../core/share-fs/shared-files.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { SandboxMode } from "./command-line.js";
import { Daemon, howItEnded } from "./daemon.js";
import { virtioFsErrors } from "./errors.js";
import { findDaemon } from "./find-daemon.js";
import { chooseSandbox, sandboxFacts } from "./sandbox-mode.js";
import type { VirtioFsSettings } from "./settings.js";

/** How long after the end of a daemon whose client hung up the end of the machine is waited for, to blame the right one. */
const hangupGraceMs = 10_000;

/** What a share is made from. */
export interface VirtioFsParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly record: SandboxRecord;
  /** The sandbox's directory of the shared tree, which may not exist yet. */
  readonly directory: string;
  /** Where the daemon listens. */
  readonly socket: string;
  readonly settings: VirtioFsSettings;
  /** Instead of the one that fits the host. */
  readonly sandbox?: SandboxMode;
}

/** A tree shared with the guest over virtio-fs by a virtiofsd of its own. */
export class VirtioFs implements ShareFs {
  readonly name = "share-fs";
  readonly failed: Promise<Error>;
  readonly #parts: VirtioFsParts;
  readonly #files: SharedFiles;
  #fail: (error: Error) => void = () => undefined;
  #daemon: Daemon | undefined;

  constructor(parts: VirtioFsParts) {
    this.#parts = parts;
    this.#files = new SharedFiles(parts);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  prepare(signal: AbortSignal): Promise<ShareFsContribution> {
    return this.#files.track(this.#prepare(signal));
  }

  share(request: ShareRequest): Promise<Share> {
    return this.#files.share(request);
  }

  state(): unknown {
    return this.#files.state();
  }

  async adopt(state: unknown): Promise<void> {
    const daemon = Daemon.adopt(this.#parts);
    if (daemon === undefined)
      throw stateErrors.KATA_RECOVER_PART({
        what: "the shared directory",
        problem: "its virtiofsd does not run any more",
      });
    this.#files.adopt(state);
    this.#daemon = daemon;
    void daemon.exited.then((exit) => this.#ended(daemon, exit));
  }

  shared(name: string): Share | undefined {
    return this.#files.shared(name);
  }

  async cleanup(): Promise<void> {
    await this.#files.close(async () => {
      await this.#daemon?.end();
      rmSync(this.#parts.socket, { force: true });
    });
  }

  async #prepare(signal: AbortSignal): Promise<ShareFsContribution> {
    const { sys, log, record, socket, settings } = this.#parts;
    const [created, found] = await Promise.allSettled([this.#files.prepare(), findDaemon(settings)]);
    if (created.status === "rejected") throw created.reason;
    if (found.status === "rejected") throw found.reason;
    const { path, flavour } = found.value;
    signal.throwIfAborted();
    this.#files.assertOpen();
    const sandbox = this.#chooseSandbox();
    const { cache, extra, extraWhere: where } = settings;
    const command = { flavour, source: created.value, sandbox, cache, extra, where };
    const daemon = await Daemon.spawn({ sys, log, record, path, socket, command });
    this.#daemon = daemon;
    await daemon.ready();
    void daemon.exited.then((exit) => this.#ended(daemon, exit));
    log.debug("virtiofsd runs", { path, flavour, sandbox, pid: daemon.pid });
    return this.#contribution();
  }

  #contribution(): ShareFsContribution {
    const { socket, settings } = this.#parts;
    const { queueSize, cacheSizeMiB } = settings;
    return {
      devices: [{ kind: "fs", id: "share-fs", tag: shareTag, socket, queueSize, cacheSizeMiB }],
      // Without `dax` the guest would leave the window unused.
      storages: [guestStorage(cacheSizeMiB > 0 ? ["dax"] : [])],
    };
  }

  #chooseSandbox(): SandboxMode {
    const { sys, log, sandbox } = this.#parts;
    if (sandbox !== undefined) return sandbox;
    const { mode, reason } = chooseSandbox(sandboxFacts(sys.mounts.list()));
    if (reason !== undefined) log.warn(`virtiofsd is sandboxed by ${mode}`, { reason });
    return mode;
  }

  async #ended(daemon: Daemon, exit: ChildExit): Promise<void> {
    // It ends well, or nobody sees how, when the machine has hung up: then the machine is the one to explain that.
    if (exit.code <= 0 && exit.signal === undefined && !this.#files.isClosed)
      await new Promise((resolve) => setTimeout(resolve, hangupGraceMs).unref());
    if (this.#files.isClosed) return;
    this.#fail(virtioFsErrors.KATA_VIRTIOFS_DIED({ pid: daemon.pid, how: howItEnded(exit), lines: daemon.tail() }));
  }
}
