import { fstatSync, mkdirSync, realpathSync, rmSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Share, ShareFs, ShareFsContribution, ShareRequest } from "../../../core/contracts/share-fs.js";
import { messageOf } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { ChildExit } from "../../../core/process/child.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { SandboxMode } from "./command-line.js";
import { Daemon, howItEnded } from "./daemon.js";
import { virtioFsErrors } from "./errors.js";
import { findDaemon } from "./find-daemon.js";
import { chooseSandbox, sandboxFacts } from "./sandbox-mode.js";
import type { VirtioFsSettings } from "./settings.js";
import { checkShareName } from "./share-name.js";
import { SharedTree } from "./shared-tree.js";

/** Where the guest has the tree, as in Kata. */
const guestDirectory = "/run/kata-containers/shared/containers";
const tag = "kataShared";

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
  readonly #shares = new Map<string, string>();
  readonly #running = new Set<Promise<unknown>>();
  #fail: (error: Error) => void = () => undefined;
  #state: "new" | "prepared" | "closed" = "new";
  #tree: SharedTree | undefined;
  #daemon: Daemon | undefined;

  constructor(parts: VirtioFsParts) {
    this.#parts = parts;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  prepare(signal: AbortSignal): Promise<ShareFsContribution> {
    return this.#track(this.#prepare(signal));
  }

  share(request: ShareRequest): Promise<Share> {
    return this.#track(this.#show(request));
  }

  async cleanup(): Promise<void> {
    this.#state = "closed";
    const errors: unknown[] = [];
    const attempt = async (step: () => void | Promise<void> | undefined): Promise<void> => {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    };
    await attempt(() => this.#daemon?.end());
    // Whatever still runs would mount and start things behind our back.
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const tree = this.#tree;
    if (tree !== undefined) {
      const { socket, record } = this.#parts;
      await attempt(() => this.#daemon?.end());
      await attempt(() => rmSync(socket, { force: true }));
      await attempt(() => tree.remove());
      await attempt(() => record.forget(tree.directory));
    }
    if (errors.length > 0) throw new AggregateError(errors, `cleaning up after ${this.#parts.directory}`);
    this.#shares.clear();
    this.#tree = undefined;
  }

  async #prepare(signal: AbortSignal): Promise<ShareFsContribution> {
    const { sys, log, record, socket, settings } = this.#parts;
    if (this.#state !== "new") throw this.#unfit("prepare it again");
    this.#state = "prepared";
    const tree = new SharedTree(sys, realDirectory(this.#parts.directory));
    record.tree(tree.directory);
    this.#tree = tree;
    const [found, created] = await Promise.allSettled([findDaemon(settings), tree.create()]);
    if (found.status === "rejected") throw found.reason;
    if (created.status === "rejected") throw created.reason;
    const { path, flavour } = found.value;
    signal.throwIfAborted();
    this.#assertOpen();
    const sandbox = this.#chooseSandbox();
    const { cache, extra, extraWhere: where } = settings;
    const command = { flavour, source: tree.view, sandbox, cache, extra, where };
    const daemon = await Daemon.spawn({ sys, log, record, path, socket, command });
    this.#daemon = daemon;
    await daemon.ready();
    void daemon.exited.then((exit) => this.#ended(daemon, exit));
    log.debug("virtiofsd runs", { path, flavour, sandbox, pid: daemon.pid });
    return this.#contribution();
  }

  async #show({ name, source, readOnly, recursive = true }: ShareRequest): Promise<Share> {
    const tree = this.#tree;
    if (this.#state !== "prepared" || tree === undefined) throw this.#unfit(`share ${source}`);
    this.#checkName(name);
    this.#shares.set(name, source);
    const { sys } = this.#parts;
    let fd: number | undefined;
    try {
      fd = this.#open(source);
      await tree.show(name, { fd, directory: kindOf(fd, source) === "directory", readOnly, recursive });
    } catch (error) {
      await this.#release(name);
      const errno = errnoNameOf(error);
      if (errno === undefined) throw error;
      if (errno === "ENOSPC")
        throw virtioFsErrors.KATA_SHARE_SPACE({ source, name, directory: tree.directory }, { cause: error });
      throw virtioFsErrors.KATA_SHARE_MOUNT({ source, name, problem: messageOf(error) }, { cause: error });
    } finally {
      if (fd !== undefined) sys.descriptors.close(fd);
    }
    let released: Promise<void> | undefined;
    return { guestPath: `${guestDirectory}/${name}`, release: () => (released ??= this.#track(this.#release(name))) };
  }

  /** Keeps `cleanup` waiting for what runs. */
  async #track<T>(doing: Promise<T>): Promise<T> {
    this.#running.add(doing);
    try {
      return await doing;
    } finally {
      this.#running.delete(doing);
    }
  }

  #contribution(): ShareFsContribution {
    const { socket, settings } = this.#parts;
    const { queueSize, cacheSizeMiB } = settings;
    return {
      devices: [{ kind: "fs", id: "share-fs", tag, socket, queueSize, cacheSizeMiB }],
      storages: [
        {
          driver: "virtio-fs",
          source: tag,
          fstype: "virtiofs",
          // Without `dax` the guest would leave the window unused.
          options: cacheSizeMiB > 0 ? ["nodev", "dax"] : ["nodev"],
          mountPoint: guestDirectory,
        },
      ],
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
    // It ends well when the machine has hung up: then the machine is the one to explain that.
    if (exit.code === 0 && this.#state !== "closed")
      await new Promise((resolve) => setTimeout(resolve, hangupGraceMs).unref());
    if (this.#state === "closed") return;
    this.#fail(virtioFsErrors.KATA_VIRTIOFS_DIED({ pid: daemon.pid, how: howItEnded(exit), lines: daemon.tail() }));
  }

  /** An `O_PATH` descriptor of exactly this path: a link in the place of its last part is not followed. */
  #open(source: string): number {
    if (!source.startsWith("/"))
      throw virtioFsErrors.KATA_SHARE_SOURCE({ source, problem: "the path is not absolute" });
    try {
      const flags = OpenFlag.pathOnly | OpenFlag.noFollow;
      return this.#parts.sys.files.openat2("/", source, { flags, resolve: { noMagicLinks: true } });
    } catch (error) {
      const errno = errnoNameOf(error);
      if (errno === "ENOENT" || errno === "ENOTDIR")
        throw virtioFsErrors.KATA_SHARE_MISSING({ source }, { cause: error });
      throw virtioFsErrors.KATA_SHARE_SOURCE({ source, problem: messageOf(error) }, { cause: error });
    }
  }

  async #release(name: string): Promise<void> {
    await this.#tree?.hide(name);
    this.#shares.delete(name);
  }

  /** A name that is free, and neither inside of another share nor around one: a target is never made in a source. */
  #checkName(name: string): void {
    checkShareName(name);
    for (const [taken, source] of this.#shares) {
      if (taken === name) throw virtioFsErrors.KATA_SHARE_EXISTS({ name, source });
      if (taken.startsWith(`${name}/`) || name.startsWith(`${taken}/`)) {
        const problem = `${JSON.stringify(taken)} is shared, and one cannot be inside of the other`;
        throw virtioFsErrors.KATA_SHARE_NAME({ name, problem });
      }
    }
  }

  #assertOpen(): void {
    if (this.#state === "closed") throw this.#unfit("go on");
  }

  #unfit(what: string): Error {
    return virtioFsErrors.KATA_SHARE_STATE({ what, state: this.#state });
  }
}

/** The same directory without symbolic links on the way, as the kernel lists mounts; its parent is made. */
function realDirectory(directory: string): string {
  mkdirSync(dirname(directory), { recursive: true, mode: 0o711 });
  return join(realpathSync(dirname(directory)), basename(directory));
}

function kindOf(fd: number, source: string): "directory" | "file" {
  const stats = fstatSync(fd);
  if (stats.isDirectory()) return "directory";
  if (stats.isFile()) return "file";
  const problem = `it is a ${specialKind(stats)}; only directories and regular files can be shared`;
  throw virtioFsErrors.KATA_SHARE_SOURCE({ source, problem });
}

function specialKind(stats: Stats): string {
  if (stats.isSymbolicLink()) return "symbolic link, which is not followed";
  if (stats.isBlockDevice()) return "block device";
  if (stats.isCharacterDevice()) return "character device";
  return stats.isFIFO() ? "fifo" : "socket";
}
